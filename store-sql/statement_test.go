package sqlstore

import (
	"errors"
	"testing"
)

func TestAStatementIsPreparedOnce(t *testing.T) {
	t.Parallel()
	for name := range calls(nil) {
		f := &fake{answers: []answer{none}}
		s := open(t, f, SQLite)
		for range 3 {
			_ = calls(s)[name](t.Context()) // what it makes of no answer is another test's
		}
		seen := make(map[string]bool)
		for _, sql := range f.prepared {
			if seen[sql] {
				t.Errorf("%s prepares again: %s", name, sql)
			}
			seen[sql] = true
		}
		for _, st := range f.sent {
			if st.text || !seen[st.sql] {
				t.Errorf("%s has not prepared: %s", name, st.sql)
			}
		}
	}
}

func TestWhatCannotBePreparedIsSentAsText(t *testing.T) {
	t.Parallel()
	for name := range calls(nil) {
		f := &fake{answers: []answer{{err: errNetwork}}, unprepared: &modernError{sqliteBusy}}
		if err := calls(open(t, f, SQLite))[name](t.Context()); !errors.Is(err, errNetwork) || len(f.sent) != 1 || !f.sent[0].text {
			t.Errorf("%s: sent %v, error %v, want the statement as text", name, f.sent, err)
		}
	}
}

func TestMySQLGetsText(t *testing.T) {
	t.Parallel()
	for name := range calls(nil) {
		f := &fake{answers: []answer{none}}
		_ = calls(open(t, f, MySQL))[name](t.Context()) // the same
		if len(f.prepared) != 0 || len(f.sent) == 0 {
			t.Errorf("%s prepares %v and sends %v", name, f.prepared, f.sent)
		}
	}
}

func TestAReadIsRepeatedOnceIfItsConnectionWasLost(t *testing.T) {
	t.Parallel()
	invalid := errors.New("invalid connection")
	for name := range calls(nil) {
		reads := name == "Load" || name == "ListSubject" || name == "Scan" || name == "Prune" || name == "DeleteAll"
		f := &fake{answers: []answer{{err: invalid}, {err: invalid}, none}}
		err := calls(open(t, f, MySQL))[name](t.Context())
		if !errors.Is(err, invalid) || reads != (len(f.sent) == 2) {
			t.Errorf("%s: sent %d statements, error %v", name, len(f.sent), err)
		}
	}
}

// What the store leaves behind has to end by itself, and must not write.
func TestOnlyALoadOfSQLiteIsLeftUnwatchedWhereNobodyWaitsForAConnection(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		for _, limit := range []int{0, 1} {
			for name := range calls(nil) {
				f := &fake{answers: []answer{none}}
				s := open(t, f, d)
				s.db.SetMaxOpenConns(limit)
				_ = calls(s)[name](t.Context()) // what it makes of no answer is another test's
				want := name != "Load" || d != SQLite || limit > 0
				if len(f.sent) == 0 || f.sent[0].watched != want {
					t.Errorf("%s with a limit of %d connections: sent %v, want it watched: %v", name, limit, f.sent, want)
				}
			}
		}
	})
}
