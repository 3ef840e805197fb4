package postgresstore

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func finite(t time.Time) pgtype.Timestamptz { return pgtype.Timestamptz{Time: t, Valid: true} }

func row(id string, version int64) []any {
	return []any{id, []byte("secret"), "alice", finite(time.Now().Add(time.Hour)), version}
}

// with is a record's row with another value in one column.
func with(column int, value any) []any {
	r := row(someID, 7)
	r[column] = value
	return r
}

// verdict is what a statement says that has locked a row.
func verdict(id string, version int64, live, written bool) []any {
	return []any{id, "alice", finite(time.Now().Add(time.Hour)), version, live, written}
}

func TestTheLatestExpiryIsTheContracts(t *testing.T) {
	t.Parallel()
	if err := sessionstore.CheckExpires(latest); err != nil {
		t.Error(err)
	}
	if err := sessionstore.CheckExpires(latest.Add(1)); err == nil {
		t.Error("there is a later one")
	}
}

func TestAnswersOfTheDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		method string
		answer answer
		want   error
	}{
		{"a record", "Load", answer{row: row(someID, 7)}, nil},
		{"none", "Load", answer{err: pgx.ErrNoRows}, sessionstore.ErrNotFound},
		{"another's record", "Load", answer{row: row(otherID, 7)}, sessionstore.ErrCorrupt},
		{"a foreign row", "Load", answer{row: row(someID, 0)}, sessionstore.ErrCorrupt},
		{"no data", "Load", answer{row: with(1, []byte(nil))}, sessionstore.ErrCorrupt},
		{"a subject that is no text", "Load", answer{row: with(2, "\xff")}, sessionstore.ErrCorrupt},
		{"the last expiry", "Load", answer{row: with(3, finite(latest))}, nil},
		{"a later one", "Load", answer{row: with(3, finite(latest.Add(time.Microsecond)))}, sessionstore.ErrCorrupt},
		{"created at once", "Create", answer{row: []any{someID}}, nil},
		{"another's answer at once", "Create", answer{row: []any{otherID}}, sessionstore.ErrCorrupt},
		{"written at once", "Update", answer{row: []any{someID}}, nil},
		{"another's answer at once", "Update", answer{row: []any{otherID}}, sessionstore.ErrCorrupt},
		{"touched at once", "Touch", answer{row: []any{someID}}, nil},
		{"created", "Create", answer{row: []any{someID, true, false}}, nil},
		{"not created", "Create", answer{row: []any{someID, false, false}}, sessionstore.ErrExists},
		{"a foreign row", "Create", answer{row: []any{someID, false, true}}, sessionstore.ErrCorrupt},
		{"another's answer", "Create", answer{row: []any{otherID, true, false}}, sessionstore.ErrCorrupt},
		{"written", "Update", answer{row: verdict(someID, 6, true, true)}, nil},
		{"written as it expired", "Update", answer{row: verdict(someID, 6, false, true)}, nil},
		{"written before", "Update", answer{row: verdict(someID, 7, true, false)}, nil},
		{"written before, expired since", "Update", answer{row: verdict(someID, 7, false, false)}, sessionstore.ErrNotFound},
		{"another version", "Update", answer{row: verdict(someID, 5, true, false)}, sessionstore.ErrConflict},
		{"another version, expired", "Update", answer{row: verdict(someID, 5, false, false)}, sessionstore.ErrNotFound},
		{"a foreign row", "Update", answer{row: verdict(someID, 0, true, false)}, sessionstore.ErrCorrupt},
		{"none", "Update", answer{err: pgx.ErrNoRows}, sessionstore.ErrNotFound},
		{"another's answer", "Update", answer{row: verdict(otherID, 6, true, true)}, sessionstore.ErrCorrupt},
		{"touched", "Touch", answer{row: verdict(someID, 6, true, true)}, nil},
		{"expired", "Touch", answer{row: verdict(someID, 6, false, false)}, sessionstore.ErrNotFound},
		{"a foreign row", "Touch", answer{row: verdict(someID, 0, true, false)}, sessionstore.ErrCorrupt},
		{"none", "Touch", answer{err: pgx.ErrNoRows}, sessionstore.ErrNotFound},
	} {
		t.Run(c.method+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			db := &fake{answers: []answer{c.answer}}
			if err := calls(open(t, db))[c.method](t.Context()); !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
		})
	}
}

func TestEachMethodIsOneRoundTripInTheConnectionsOwnMode(t *testing.T) {
	t.Parallel()
	for name := range calls(nil) {
		if name == "Migrate" {
			continue
		}
		db := &fake{answers: []answer{{err: errNetwork}}}
		err := calls(open(t, db))[name](t.Context())
		if !errors.Is(err, errNetwork) {
			t.Errorf("%s: got error %v, want the driver's", name, err)
		}
		if len(db.sent) != 1 || len(db.sent[0].args) > 0 && isMode(db.sent[0].args[0]) {
			t.Errorf("%s sent %v, want one statement, and no word on how", name, db.sent)
		}
	}
}

func isMode(arg any) bool {
	_, ok := arg.(pgx.QueryExecMode)
	return ok
}

func TestNothingIsSentForWhatIsInvalid(t *testing.T) {
	t.Parallel()
	db := &fake{}
	s := open(t, db)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(s) {
		if err := call(done); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a done context: %v", name, err)
		}
	}
	large := record()
	large.Data = make([]byte, sessionstore.DefaultMaxData+1)
	if err := s.Create(t.Context(), someID, large); !errors.Is(err, sessionstore.ErrTooLarge) {
		t.Errorf("Create of a large record: %v", err)
	}
	if err := s.Update(t.Context(), "short", 1, record()); !errors.Is(err, sessionstore.ErrInvalid) {
		t.Errorf("Update of a bad id: %v", err)
	}
	if len(db.sent) != 0 {
		t.Errorf("sent %v, want nothing", db.sent)
	}
}

func TestWritesAreRoundedUpAndNeverNull(t *testing.T) {
	t.Parallel()
	db := &fake{answers: []answer{{row: []any{someID, true, false}}}}
	r := record()
	r.Data = nil
	r.Expires = r.Expires.Truncate(time.Second).Add(time.Microsecond + 1)
	r.Version = 1<<63 + 5
	if err := open(t, db).Create(t.Context(), someID, r); err != nil {
		t.Fatal(err)
	}
	args := db.sent[0].args
	if data, ok := args[1].([]byte); !ok || data == nil || len(data) != 0 {
		t.Errorf("sent the data %#v, want an empty slice", args[1])
	}
	if want := r.Expires.Add(time.Microsecond - 1).UTC(); args[3] != want {
		t.Errorf("sent the expiry %v, want %v", args[3], want)
	}
	if want := int64(-1<<63 + 5); args[4] != want {
		t.Errorf("sent the version %d, want %d", args[4], want)
	}
}

func TestLoadReturnsWhatIsStored(t *testing.T) {
	t.Parallel()
	expires := time.Now().Add(time.Hour)
	columns := []any{someID, []byte("secret"), "alice", finite(expires), int64(-9)}
	r, err := open(t, &fake{answers: []answer{{row: columns}}}).Load(t.Context(), someID)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Data, []byte("secret")) || r.Subject != "alice" || r.Version != 1<<64-9 ||
		!r.Expires.Equal(expires) || r.Expires.Location() != time.UTC {
		t.Errorf("got %+v, want %v", r, columns)
	}
}

func TestPruneGoesThroughAllPagesAndOnUntilABatchIsNotFull(t *testing.T) {
	t.Parallel()
	pages := int64(prunePages + 1)
	db := &fake{answers: []answer{{row: []any{&pages}}, {tag: "DELETE 1000"}, {tag: "DELETE 1000"}, {tag: "DELETE 3"}, {tag: "DELETE 2"}}}
	n, err := open(t, db).Prune(t.Context())
	if n != 2005 || err != nil || len(db.sent) != 5 {
		t.Fatalf("pruned %d with %d statements, %v; want 2005 with 5", n, len(db.sent), err)
	}
	for i, want := range []int64{0, 0, 0, prunePages} {
		if got := db.sent[i+1].args[0]; got != want {
			t.Errorf("statement %d begins at page %v, want %d", i+1, got, want)
		}
	}
}

func TestDeleteAllGoesOnAfterTheLastIdUntilABatchIsNotFull(t *testing.T) {
	t.Parallel()
	full := func(live int, last string) answer { return answer{row: []any{1000, live, last}} }
	db := &fake{answers: []answer{full(1000, someID), full(900, otherID), {row: []any{3, 3, otherID}}}}
	n, err := open(t, db).DeleteAll(t.Context())
	if n != 1903 || err != nil || len(db.sent) != 3 {
		t.Fatalf("deleted %d in %d batches, error %v; want 1903 in 3", n, len(db.sent), err)
	}
	for i, last := range []string{"", someID, otherID} {
		if got := db.sent[i].args[0]; got != last {
			t.Errorf("batch %d begins after %q, want %q", i, got, last)
		}
	}
	db = &fake{answers: []answer{full(1000, someID), {err: errNetwork}}}
	n, err = open(t, db).DeleteAll(t.Context())
	if n != 1000 || !errors.Is(err, errNetwork) {
		t.Errorf("deleted %d, error %v; want 1000 along with the error", n, err)
	}
}
