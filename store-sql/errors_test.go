package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestErrorsOfTheDatabaseAreWrapped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d    Dialect
		err  error
		hint string
	}{
		{SQLite, mattnError{Code: 1, ExtendedCode: 1, err: "no such table: x"}, `table "cloakroom_sessions" is missing or not`},
		{
			SQLite,
			mattnError{Code: 17, ExtendedCode: 17, err: "database schema has changed: no such table: x"},
			`table "cloakroom_sessions" is missing or not`,
		},
		{SQLite, mattnError{Code: 1, ExtendedCode: 1, err: "no such column: version"}, "call Migrate"},
		{SQLite, mattnError{Code: 1, ExtendedCode: 1, err: "table x has no column named id"}, "call Migrate"},
		{SQLite, mattnError{Code: 1, ExtendedCode: 1, err: "near \"x\": syntax error"}, ""},
		{SQLite, mattnError{Code: 8, ExtendedCode: 8, err: "attempt to write a readonly database"}, ""},
		{SQLite, mattnError{Code: 13, ExtendedCode: 13, err: "database or disk is full"}, ""},
		{MySQL, &mysqlError{erNoSuchTable, "Table doesn't exist"}, "table `cloakroom_sessions` is missing or not"},
		{MySQL, &mysqlError{erBadField, "Unknown column"}, "call Migrate"},
		{MySQL, &mysqlError{1142, "command denied"}, ""},
		{MySQL, &mysqlError{1290, "running with the --read-only option"}, ""},
	} {
		for name := range calls(nil) {
			if name == "Migrate" {
				continue // which creates the table
			}
			f := &fake{answers: []answer{{err: fmt.Errorf("wrapped: %w", c.err)}}}
			err := calls(open(t, f, c.d))[name](t.Context())
			if !errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), "sqlstore: ") || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("%s: got error %v, want the driver's, and %q", name, err, c.hint)
			}
			if sessionstore.Certain(err) || c.hint == "" && strings.Contains(err.Error(), "Migrate") {
				t.Errorf("%s: got error %v, which claims too much", name, err)
			}
		}
	}
}

func TestAStatementThatWasUndoneIsRepeated(t *testing.T) {
	t.Parallel()
	busy, deadlock := &modernError{sqliteBusy}, &mysqlError{erLockDeadlock, "Deadlock found"}
	for _, c := range []struct {
		name string
		d    Dialect
		errs []error
		want error
		sent int
	}{
		{"once", MySQL, []error{deadlock, nil}, nil, 2},
		{"several times", MySQL, []error{deadlock, &mysqlError{erLockWaitTimeout, "Lock wait timeout"}, deadlock, nil}, nil, 4},
		{"until something else happens", MySQL, []error{deadlock, errNetwork}, errNetwork, 2},
		{"not for ever", MySQL, []error{deadlock}, deadlock, attempts},
		{"and nothing else is", MySQL, []error{&mysqlError{1290, "read-only"}}, &mysqlError{1290, "read-only"}, 1},
		{"when another has the lock", SQLite, []error{busy, mattnError{Code: 6, ExtendedCode: 262}, &modernError{517}, nil}, nil, 4},
		{"which is said in the end", SQLite, []error{busy}, busy, attempts},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				for _, err := range c.errs {
					f.answers = append(f.answers, answer{err: err})
				}
				err := open(t, f, c.d).Delete(t.Context(), someID)
				if numberOf(err) != numberOf(c.want) || numberOf(c.want) == 0 && !errors.Is(err, c.want) {
					t.Errorf("got error %v, want %v", err, c.want)
				}
				if locked := errors.Is(c.want, busy); locked != (err != nil && strings.Contains(err.Error(), "busy_timeout")) {
					t.Errorf("got error %v; does it speak of the lock?", err)
				}
				if len(f.sent) != c.sent {
					t.Errorf("sent %d statements, want %d", len(f.sent), c.sent)
				}
			})
		})
	}
}

func TestADoneContextIsFoundInEveryError(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		f := &fake{answers: []answer{{err: errors.New("interrupted")}}, before: cancel}
		if err := open(t, f, d).Delete(ctx, someID); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want %v", err, context.Canceled)
		}
	})
}

func TestAPacketThatIsTooLargeWasNotWritten(t *testing.T) {
	t.Parallel()
	f := &fake{answers: []answer{{err: &mysqlError{erPacketTooLarge, "Got a packet bigger than 'max_allowed_packet' bytes"}}}}
	if err := open(t, f, MySQL).Update(t.Context(), someID, 6, record()); !errors.Is(err, sessionstore.ErrTooLarge) {
		t.Errorf("got error %v, want %v", err, sessionstore.ErrTooLarge)
	}
}

func TestSentinelsAreTheContractsOwn(t *testing.T) {
	t.Parallel()
	if !errors.Is(errForeign, sessionstore.ErrCorrupt) || !errors.Is(errSwapped, sessionstore.ErrCorrupt) {
		t.Error("what is not ours must be ErrCorrupt")
	}
}
