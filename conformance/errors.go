package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func errorCases() []testCase {
	return []testCase{
		{
			name: "one sentinel each",
			rule: "The sentinels say what happened for certain: an error is one of them and no other, and ErrRepeated only if an answer was lost.",
			run:  errorsDistinct,
		},
		{
			name: "no data",
			rule: "No error contains a record's data or subject, not a part of them and in no form: not one that says what happened, and not one of a backend in trouble or a context.",
			run:  errorsNoData,
		},
	}
}

// A failure is an error that a store was made to return.
type failure struct {
	call string
	err  error
	want error // the sentinel that it has to be, nil if none
}

// provoked makes the store return each of its errors, about records of this subject with this
// data.
func (t *tester) provoked(subject string, data []byte) []failure {
	t.Helper()
	ctx := t.Context()
	record := func() sessionstore.Record {
		r := t.recordOf(subject)
		r.Data = bytes.Clone(data)
		return r
	}
	id, invalid := t.newID(), record()
	invalid.Version = 0
	t.create(id, record())
	var all []failure
	add := func(want error, call string, err error) { all = append(all, failure{call, err, want}) }
	load := func(id string) error {
		_, err := t.store.Load(ctx, id)
		return err
	}
	touch := func(id string, version sessionstore.Version, expires time.Time) error {
		return sessionstore.Touch(ctx, t.store, id, version, expires)
	}
	add(sessionstore.ErrNotFound, "Load", load(t.newID()))
	add(sessionstore.ErrNotFound, "Update", t.store.Update(ctx, t.newID(), t.version(), record()))
	add(sessionstore.ErrNotFound, "Touch", touch(t.newID(), t.version(), inAnHour()))
	add(sessionstore.ErrExists, "Create", t.store.Create(ctx, id, record()))
	add(sessionstore.ErrConflict, "Update", t.store.Update(ctx, id, t.version(), record()))
	add(sessionstore.ErrConflict, "Touch", touch(id, t.version(), inAnHour()))
	add(sessionstore.ErrInvalid, "Create", t.store.Create(ctx, id, invalid))
	add(sessionstore.ErrInvalid, "Update", t.store.Update(ctx, id, t.version(), invalid))
	add(sessionstore.ErrInvalid, "Touch", touch(id, t.version(), time.Time{}))
	add(sessionstore.ErrInvalid, "Create", t.store.Create(ctx, id+"/", record()))
	add(sessionstore.ErrInvalid, "Load", load(id+"/"))
	if t.MaxData > 0 {
		large := record()
		large.Data = append(large.Data, bytes.Repeat([]byte(" "), t.MaxData)...)
		stored := t.load(id).Version
		add(sessionstore.ErrTooLarge, "Create", t.store.Create(ctx, t.newID(), large))
		add(sessionstore.ErrTooLarge, "Update", t.store.Update(ctx, id, stored, large))
	}
	if t.Corrupt != nil {
		damaged := corrupted(t)
		add(sessionstore.ErrCorrupt, "Load", load(damaged))
		add(sessionstore.ErrCorrupt, "Create", t.store.Create(ctx, damaged, record()))
		add(sessionstore.ErrCorrupt, "Update", t.store.Update(ctx, damaged, t.version(), record()))
		add(sessionstore.ErrCorrupt, "Touch", touch(damaged, t.version(), inAnHour()))
	}
	if t.Misplace != nil {
		to := t.newID()
		t.Misplace(t, id, to)
		add(sessionstore.ErrCorrupt, "Load", load(to))
		add(sessionstore.ErrCorrupt, "Update", t.store.Update(ctx, to, t.version(), record()))
	}
	return all
}

// unanswered makes the store return errors that are no answer, about the same.
func (t *tester) unanswered(subject string, data []byte) []failure {
	t.Helper()
	var all []failure
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	record := func() sessionstore.Record {
		r := t.recordOf(subject)
		r.Data = bytes.Clone(data)
		return r
	}
	for _, m := range t.usable() {
		if m.needs != AllDeleter {
			all = append(all, failure{m.name + " with a done context", m.call(cancelled, t.store, t.newID(), record()), nil})
		}
	}
	if t.Outage != nil {
		store, _ := t.Outage(t)
		for _, m := range t.usable() {
			all = append(all, failure{m.name + " in an outage", m.call(t.Context(), store, t.newID(), record()), nil})
		}
	}
	return all
}

func errorsDistinct(t *tester) {
	for _, f := range t.provoked(newSubject(), randomBytes(64)) {
		for _, sentinel := range sentinels() {
			if sentinel != f.want && errors.Is(f.err, sentinel) { //nolint:errorlint // sentinels themselves
				t.Errorf("%s returns %q, which is meant to be %q, but is %q too", f.call, f.err, f.want, sentinel)
			}
		}
		if errors.Is(f.err, sessionstore.ErrRepeated) {
			t.Errorf("%s returns %q, though its answer was not lost: ErrRepeated is for a call that was sent more than once", f.call, f.err)
		}
	}
}

func errorsNoData(t *tester) {
	subject, data := unheardOf(), []byte(unheardOf())
	secret := map[string][]string{"subject": shapesOf([]byte(subject)), "data": shapesOf(data)}
	failures := append(t.provoked(subject, data), t.unanswered(subject, data)...)
	if t.has(SubjectIndex) {
		_, err := sessionstore.ListSubject(t.Context(), t.store, subject+"\x00")
		failures = append(failures, failure{"ListSubject", err, sessionstore.ErrInvalid})
		_, err = sessionstore.DeleteSubject(t.Context(), t.store, subject+"\x00")
		failures = append(failures, failure{"DeleteSubject", err, sessionstore.ErrInvalid})
	}
	for _, f := range failures {
		if f.err == nil {
			continue
		}
		text := strings.ToLower(f.err.Error())
		for what, shapes := range secret {
			if slices.ContainsFunc(shapes, func(shape string) bool { return strings.Contains(text, shape) }) {
				t.Errorf("%s returns an error that contains the record's %s: %v", f.call, what, f.err)
			}
		}
	}
}

// unheardOf returns text without a word that an error may have for other reasons. It begins and
// ends in letters that no error is written in, which are Glagolitic: two of them are enough.
func unheardOf() string {
	const letters, bytesEach = "ⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿ", 3
	var ends [2]string
	for i, b := range randomBytes(32) {
		at := int(b) % (len(letters) / bytesEach) * bytesEach
		ends[i%2] += letters[at : at+bytesEach]
	}
	return ends[0] + strings.ToLower(rand.Text()+rand.Text()) + ends[1]
}

// shapesOf returns eight bytes of data at a time, and two letters at its ends, in every form in
// which they may be printed, in lower case.
func shapesOf(data []byte) []string {
	const part = 8
	var shapes []string
	for i := range len(data) - part {
		b := data[i : i+part]
		list := fmt.Sprintf("%d", b)
		shapes = append(shapes, string(b), hex.EncodeToString(b), fmt.Sprintf("% x", b), fmt.Sprintf("%# x", b),
			strings.Trim(list, "[]"), strings.ReplaceAll(strings.Trim(list, "[]"), " ", ", "),
			strings.ReplaceAll(strings.Trim(list, "[]"), " ", ","),
			strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", b), "[]byte"), "{}"),
			strings.ToLower(base64.RawStdEncoding.EncodeToString(b[:6]))) // whole groups: whatever follows
	}
	letters := []rune(string(data))
	for i := range len(letters) - 1 {
		if pair := letters[i : i+2]; min(pair[0], pair[1]) > unicode.MaxLatin1 {
			shapes = append(shapes, string(pair), strings.Trim(strconv.QuoteToASCII(string(pair)), `"`), url.QueryEscape(string(pair)))
		}
	}
	for i := range shapes {
		shapes[i] = strings.ToLower(shapes[i])
	}
	return shapes
}
