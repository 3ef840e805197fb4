package sqlstore

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func stored(id string, version int64) answer {
	return rowOf(id, []byte("secret"), "alice", time.Now().Add(time.Hour).UnixNano(), version)
}

func TestAnswersOfTheDatabase(t *testing.T) {
	t.Parallel()
	there := answer{err: mattnError{Code: 19, ExtendedCode: sqlitePrimaryKey, err: "UNIQUE constraint failed"}}
	endless := rowOf(someID, []byte{}, "alice", int64(math.MaxInt64), int64(7))
	for _, c := range []struct {
		name    string
		method  string
		answers []answer
		want    error
	}{
		{"a record", "Load", []answer{stored(someID, 7)}, nil},
		{"none", "Load", []answer{none}, sessionstore.ErrNotFound},
		{"another's record", "Load", []answer{stored(otherID, 7)}, sessionstore.ErrCorrupt},
		{"version zero", "Load", []answer{stored(someID, 0)}, sessionstore.ErrCorrupt},
		{"text for data", "Load", []answer{rowOf(someID, "secret", "alice", int64(1), int64(7))}, sessionstore.ErrCorrupt},
		{"text for a number", "Load", []answer{rowOf(someID, []byte("x"), "alice", "secret", int64(7))}, sessionstore.ErrCorrupt},
		{"NULL", "Load", []answer{rowOf(someID, nil, "alice", int64(1), int64(7))}, sessionstore.ErrCorrupt},
		{"a real number", "Load", []answer{rowOf(someID, []byte("x"), "alice", 1.5, int64(7))}, sessionstore.ErrCorrupt},
		{"created", "Create", []answer{{affected: 1}}, nil},
		{"an expired one is there", "Create", []answer{there, {affected: 1}}, nil},
		{"a live one is there", "Create", []answer{there, none, stored(someID, 5)}, sessionstore.ErrExists},
		{"this one is there", "Create", []answer{there, none, stored(someID, 7)}, nil},
		{"a foreign row is there", "Create", []answer{there, none, stored(someID, 0)}, sessionstore.ErrCorrupt},
		{"a row of others is there", "Create", []answer{there, none, endless}, sessionstore.ErrCorrupt},
		{"another's record is there", "Create", []answer{there, none, stored(otherID, 7)}, sessionstore.ErrCorrupt},
		{"one was there, and has gone", "Create", []answer{there, none, none, {affected: 1}}, nil},
		{"written", "Update", []answer{{affected: 1}}, nil},
		{"written before", "Update", []answer{none, stored(someID, 7)}, nil},
		{"another version", "Update", []answer{none, stored(someID, 5)}, sessionstore.ErrConflict},
		{"a foreign row", "Update", []answer{none, stored(someID, 0)}, sessionstore.ErrCorrupt},
		{"a row of others", "Update", []answer{none, endless}, sessionstore.ErrCorrupt},
		{"another's record", "Update", []answer{none, stored(otherID, 7)}, sessionstore.ErrCorrupt},
		{"none", "Update", []answer{none, none}, sessionstore.ErrNotFound},
		{"touched", "Touch", []answer{{affected: 1}}, nil},
		{"the expiry is the same", "Touch", []answer{none, stored(someID, 6)}, nil},
		{"another version", "Touch", []answer{none, stored(someID, 5)}, sessionstore.ErrConflict},
		{"a foreign row", "Touch", []answer{none, stored(someID, 0)}, sessionstore.ErrCorrupt},
		{"a row of others", "Touch", []answer{none, endless}, sessionstore.ErrCorrupt},
		{"another's record", "Touch", []answer{none, stored(otherID, 6)}, sessionstore.ErrCorrupt},
		{"none", "Touch", []answer{none, none}, sessionstore.ErrNotFound},
		{"another's record", "ListSubject", []answer{rowOf(someID, []byte{}, "bob", int64(1), int64(7))}, sessionstore.ErrCorrupt},
	} {
		t.Run(c.method+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{answers: c.answers}
			if err := calls(open(t, f, SQLite))[c.method](t.Context()); !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			} else if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the record: %v", err)
			}
			if len(f.sent) != len(c.answers) {
				t.Errorf("%d statements, want %d", len(f.sent), len(c.answers))
			}
		})
	}
}

func TestEachMethodBeginsWithOneStatement(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		for name := range calls(nil) {
			f := &fake{answers: []answer{{err: errNetwork}}}
			err := calls(open(t, f, d))[name](t.Context())
			if !errors.Is(err, errNetwork) || !strings.HasPrefix(err.Error(), "sqlstore: ") {
				t.Errorf("%s: got error %v, want the driver's", name, err)
			}
			if len(f.sent) != 1 {
				t.Errorf("%s sent %v, want one statement", name, f.sent)
			}
		}
	})
}

func TestThePresentIsTheLastArgumentOrTheDatabases(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		timed := 0
		for name := range calls(nil) {
			f := &fake{answers: []answer{none}}
			before := time.Now().UnixNano()
			_ = calls(open(t, f, d))[name](t.Context()) // what it makes of no answer is another test's
			for _, s := range f.sent {
				if places := strings.Count(s.sql, "?"); places != len(s.args) {
					t.Errorf("%s: %d arguments for %d places: %s", name, len(s.args), places, s.sql)
				}
				_, rest, compared := strings.Cut(s.sql, "expires >")
				if !compared {
					_, rest, compared = strings.Cut(s.sql, "expires <=")
				}
				if !compared {
					continue
				}
				timed++
				if d == MySQL {
					if !strings.HasPrefix(strings.TrimSpace(rest), "TIMESTAMPDIFF(") {
						t.Errorf("%s does not ask the database's clock: %s", name, s.sql)
					}
					continue
				}
				if now, ok := s.args[len(s.args)-1].(int64); !ok || now < before || strings.Count(rest, "?") != 1 {
					t.Errorf("%s: the last argument is not the time: %s", name, s.sql)
				}
			}
		}
		if timed < 8 {
			t.Errorf("only %d statements compare an expiry", timed)
		}
	})
}

func TestNothingIsSentForWhatIsInvalid(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		f := &fake{}
		s := open(t, f, d)
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
		if len(f.sent) != 0 {
			t.Errorf("sent %v, want nothing", f.sent)
		}
	})
}

func TestWritesAreRoundedUpAndNeverNull(t *testing.T) {
	t.Parallel()
	r := record()
	r.Data = nil
	r.Expires = r.Expires.Truncate(time.Second).Add(time.Microsecond + 1)
	r.Version = 1<<63 + 5
	for d, want := range map[Dialect]int64{SQLite: r.Expires.UnixNano(), MySQL: r.Expires.Truncate(time.Microsecond).UnixMicro() + 1} {
		f := &fake{answers: []answer{{affected: 1}}}
		if err := open(t, f, d).Create(t.Context(), someID, r); err != nil {
			t.Fatal(err)
		}
		args := f.sent[0].args
		if data, ok := args[0].([]byte); !ok || data == nil || len(data) != 0 {
			t.Errorf("sent the data %#v, want an empty slice", args[0])
		}
		if args[2] != want {
			t.Errorf("sent the expiry %v, want %d", args[2], want)
		}
		if want := int64(-1<<63 + 5); args[3] != want {
			t.Errorf("sent the version %d, want %d", args[3], want)
		}
	}
}

func TestLoadReturnsWhatIsStored(t *testing.T) {
	t.Parallel()
	expires := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	for d, columns := range map[Dialect][]driver.Value{
		SQLite: {someID, []byte("secret"), "alice", expires.UnixNano(), int64(-9)},
		MySQL:  {[]byte(someID), []byte("secret"), []byte("alice"), expires.UnixMicro(), []byte("-9")}, // its text protocol
	} {
		r, err := open(t, &fake{answers: []answer{rowOf(columns...)}}, d).Load(t.Context(), someID)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Data, []byte("secret")) || r.Subject != "alice" || r.Version != 1<<64-9 ||
			!r.Expires.Equal(expires) || r.Expires.Location() != time.UTC {
			t.Errorf("got %+v, want %v", r, columns)
		}
	}
}

func TestAListHasTheReadableRecordsAndSaysThatOneIsNot(t *testing.T) {
	t.Parallel()
	good, bad := stored(someID, 7).rows[0], stored(otherID, 0).rows[0]
	s := open(t, &fake{answers: []answer{{rows: [][]driver.Value{bad, good}}}}, SQLite)
	entries, err := s.ListSubject(t.Context(), "alice")
	if len(entries) != 1 || entries[0].ID != someID || !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("got %v, %v, want the good one and ErrCorrupt", entries, err)
	}
	var ids []string
	var errs []error
	for e, err := range s.Scan(t.Context()) {
		ids, errs = append(ids, e.ID), append(errs, err)
	}
	if len(ids) != 2 || ids[0] != otherID || ids[1] != someID || !errors.Is(errs[0], sessionstore.ErrCorrupt) || errs[1] != nil {
		t.Errorf("Scan yields %v with %v, want both, the first with ErrCorrupt", ids, errs)
	}
}

func TestPruneGoesOnAfterTheLastPlaceUntilABatchIsNotFull(t *testing.T) {
	t.Parallel()
	batch := func(rows, last, expired int64) answer { return rowOf(rows, last, expired) }
	f := &fake{answers: []answer{
		batch(1000, 1500, 999),
		{affected: 998}, // one was extended meanwhile
		batch(1000, 2700, 0),
		batch(7, 2707, 7),
		{affected: 7},
	}}
	n, err := open(t, f, SQLite).Prune(t.Context())
	if n != 1005 || err != nil || len(f.sent) != 5 {
		t.Fatalf("removed %d with %d statements, error %v; want 1005 with 5", n, len(f.sent), err)
	}
	for i, after := range map[int]int64{0: math.MinInt64, 1: math.MinInt64, 2: 1500, 3: 2700, 4: 2700} {
		if got := f.sent[i].args[0]; got != after {
			t.Errorf("statement %d begins after %v, want %d", i, got, after)
		}
	}
	f = &fake{answers: []answer{batch(1000, 1500, 1000), {affected: 1000}, {err: errNetwork}}}
	n, err = open(t, f, SQLite).Prune(t.Context())
	if n != 1000 || !errors.Is(err, errNetwork) {
		t.Errorf("removed %d, error %v; want 1000 along with the error", n, err)
	}
}

func TestDeleteAllGoesOnAfterTheLastIdUntilABatchIsNotFull(t *testing.T) {
	t.Parallel()
	full := func(last string) answer { return rowOf(int64(1000), last) }
	f := &fake{answers: []answer{
		full(someID),
		{affected: 1000},
		full(otherID),
		{affected: 900},
		{affected: 100},
		rowOf(int64(3), otherID),
		{affected: 3},
	}}
	n, err := open(t, f, SQLite).DeleteAll(t.Context())
	if n != 1903 || err != nil || len(f.sent) != 7 {
		t.Fatalf("deleted %d with %d statements, error %v; want 1903 with 7", n, len(f.sent), err)
	}
	for i, after := range map[int]string{0: "", 2: someID, 5: otherID} {
		if got := f.sent[i].args[0]; got != after {
			t.Errorf("statement %d begins after %q, want %q", i, got, after)
		}
	}
	f = &fake{answers: []answer{full(someID), {affected: 900}, {err: errNetwork}}}
	n, err = open(t, f, SQLite).DeleteAll(t.Context())
	if n != 900 || !errors.Is(err, errNetwork) {
		t.Errorf("deleted %d, error %v; want 900 along with the error", n, err)
	}
}
