package conformance

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func errorCases() []testCase {
	return []testCase{
		{
			name: "one sentinel each",
			rule: "The sentinels say what happened for certain: an error is one of them and no other.",
			run:  errorsDistinct,
		},
		{
			name: "no data",
			rule: "No error contains a record's data.",
			run:  errorsNoData,
		},
	}
}

// provoked makes the store return each of its errors about a record with this
// data, and returns what each should be.
func (t *tester) provoked(data []byte) map[error]error {
	t.Helper()
	ctx := t.Context()
	record := func() sessionstore.Record {
		r := t.record()
		r.Data = data
		return r
	}
	id, invalid := t.newID(), record()
	invalid.Version = 0
	t.create(id, record())
	_, notFound := t.store.Load(ctx, t.newID())
	return map[error]error{
		sessionstore.ErrNotFound: errors.Join(notFound, t.store.Update(ctx, t.newID(), t.version(), record())),
		sessionstore.ErrExists:   t.store.Create(ctx, id, record()),
		sessionstore.ErrConflict: t.store.Update(ctx, id, t.version(), record()),
		sessionstore.ErrInvalid: errors.Join(
			t.store.Create(ctx, id, invalid),
			t.store.Update(ctx, id, t.version(), invalid),
			t.store.Create(ctx, id+"/", record())),
	}
}

func errorsDistinct(t *tester) {
	for want, err := range t.provoked(randomBytes(64)) {
		for _, sentinel := range sentinels() {
			if sentinel != want && errors.Is(err, sentinel) { //nolint:errorlint // sentinels themselves
				t.Errorf("the error %q is meant to be %q, but is %q too", err, want, sentinel)
			}
		}
	}
}

func errorsNoData(t *tester) {
	data := []byte("secret-" + newSubject())
	shapes := []string{
		string(data),
		strings.Trim(fmt.Sprintf("%d", data), "[]"),
		hex.EncodeToString(data),
		base64.RawStdEncoding.EncodeToString(data)[:len(data)], // whatever follows
	}
	for want, err := range t.provoked(data) {
		for _, shape := range shapes {
			if err != nil && strings.Contains(err.Error(), shape) {
				t.Errorf("the error for %q contains the record's data: %v", want, err)
			}
		}
	}
}
