package sqlstore

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestWhatRequestsNeedIsPreparedOnce(t *testing.T) {
	t.Parallel()
	requests := map[string]bool{"Load": true, "Create": true, "Update": true, "Touch": true, "Delete": true}
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		for name := range calls(nil) {
			f := &fake{answers: []answer{none}}
			s := open(t, f, d)
			for range 3 {
				_ = calls(s)[name](t.Context()) // what it makes of no answer is another test's
			}
			if prepared := len(f.prepared); requests[name] != (prepared == 1) || prepared > 1 {
				t.Errorf("%s: prepares %v", name, f.prepared)
			}
			if len(f.sent) == 0 || f.sent[0].text == requests[name] {
				t.Errorf("%s: sends %v", name, f.sent)
			}
		}
	})
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

func TestNoPreparedStatements(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		for name := range calls(nil) {
			f := &fake{answers: []answer{none}}
			_ = calls(openWith(t, f, d, Options{NoPreparedStatements: true}))[name](t.Context()) // the same
			if len(f.prepared) != 0 || len(f.sent) == 0 {
				t.Errorf("%s: prepares %v and sends %v", name, f.prepared, f.sent)
			}
		}
	})
}

// A server prepares no more than a number, and a proxy may pass a statement to a connection
// on which it was not prepared.
func TestAServerThatTakesNoPreparedStatementsGetsText(t *testing.T) {
	t.Parallel()
	for _, number := range []uint16{
		erUnknownCommand, erNotSupported, erUnknownPrepared, erCannotPrepare, erTooManyPrepared, erPrepareAgain,
	} {
		refusal := &mysqlError{Number: number}
		for name, f := range map[string]*fake{
			"when it prepares": {answers: []answer{none}, unprepared: refusal},
			"when it runs":     {answers: []answer{{err: refusal}, none}},
		} {
			s := open(t, f, MySQL)
			if err := s.Delete(t.Context(), someID); err != nil {
				t.Errorf("%d %s: %v", number, name, err)
			}
			prepared := len(f.prepared)
			if err := s.Touch(t.Context(), someID, 1, time.Now().Add(time.Hour)); !errors.Is(err, sessionstore.ErrNotFound) {
				t.Errorf("%d %s: %v", number, name, err)
			}
			if last := f.sent[len(f.sent)-1]; prepared != 1 || len(f.prepared) != 1 || !last.text {
				t.Errorf("%d %s: prepared %v, sent %v", number, name, f.prepared, f.sent)
			}
		}
	}
}

// The driver prepares each statement where it does not put the arguments into its text.
func TestARefusalOfTextIsNotRepeatedForEver(t *testing.T) {
	t.Parallel()
	refusal := &mysqlError{Number: erTooManyPrepared}
	f := &fake{answers: []answer{{err: refusal}}, unprepared: refusal}
	if err := open(t, f, MySQL).Delete(t.Context(), someID); !errors.Is(err, refusal) || len(f.sent) > 2 {
		t.Errorf("sent %v, error %v", f.sent, err)
	}
}

// A node of a Galera cluster that has lost the others refuses whatever it is sent, with the
// number of a command that is unknown. And where the driver prepares text itself, a server
// with no room for more still runs what it has prepared.
func TestWhatIsRefusedAsTextTooIsPreparedAgain(t *testing.T) {
	t.Parallel()
	for _, number := range []uint16{erUnknownCommand, erTooManyPrepared} {
		refusal := &mysqlError{Number: number}
		for name, unprepared := range map[string]error{"when it prepares": refusal, "when it runs": nil} {
			f := &fake{answers: []answer{{err: refusal}}, unprepared: unprepared}
			s := open(t, f, MySQL)
			for method, call := range calls(s) {
				if err := call(t.Context()); !errors.Is(err, refusal) {
					t.Errorf("%d %s: %s: %v", number, name, method, err)
				}
			}
			f.answers, f.unprepared = []answer{none}, nil
			if err := s.Delete(t.Context(), someID); err != nil {
				t.Errorf("%d %s: %v", number, name, err)
			}
			if last := f.sent[len(f.sent)-1]; last.text {
				t.Errorf("%d %s: text is all that is sent from then on", number, name)
			}
		}
	}
}

// The constraints of the schema don't know the alphabet of ids, nor what a time can express.
func TestARowThatNoStoreWritesIsDamage(t *testing.T) {
	t.Parallel()
	later, last := time.Now().Add(time.Hour).UnixMicro(), time.Unix(1<<63/1_000_000_000-1, 0).UnixMicro()
	for name, c := range map[string]struct {
		id      string
		size    int
		subject string
		expires int64
		want    error
	}{
		"as written":              {someID, 1, "alice", later, nil},
		"the most there can be":   {someID, largestMaxData, strings.Repeat("s", 255), last, nil},
		"nobody's":                {someID, 1, "", last, nil},
		"an id that is none":      {strings.Repeat("!", len(someID)), 1, "alice", later, sessionstore.ErrCorrupt},
		"data of one byte more":   {someID, largestMaxData + 1, "alice", later, sessionstore.ErrCorrupt},
		"a subject too long":      {someID, 1, strings.Repeat("s", 256), later, sessionstore.ErrCorrupt},
		"an expiry beyond all":    {someID, 1, "alice", last + 1, sessionstore.ErrCorrupt},
		"an expiry that is huge":  {someID, 1, "alice", math.MaxInt64, sessionstore.ErrCorrupt},
		"a subject that is bytes": {someID, 1, "\xff", later, sessionstore.ErrCorrupt},
	} {
		row := rowOf([]byte(c.id), make([]byte, c.size), []byte(c.subject), c.expires, int64(7))
		var found int
		var err error
		for _, failed := range open(t, &fake{answers: []answer{row}}, MySQL).Scan(t.Context()) {
			found, err = found+1, failed
		}
		if found != 1 || !errors.Is(err, c.want) {
			t.Errorf("%s: %d entries, %v, want one, and %v", name, found, err, c.want)
		}
	}
}

// Neither the driver nor the network takes a row of any size.
func TestListsAskForNoMoreDataThanARecordHas(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		for _, name := range []string{"ListSubject", "Scan"} {
			f := &fake{answers: []answer{none}}
			if err := calls(open(t, f, d))[name](t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.Contains(f.sent[0].sql, "SELECT id, CASE WHEN LENGTH(data) <= 67108864 THEN data END, subject") {
				t.Errorf("%s asks for %s", name, f.sent[0].sql)
			}
		}
	})
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
