package postgresstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestErrorsOfTheDatabaseAreWrapped(t *testing.T) {
	t.Parallel()
	for code, hint := range map[string]string{
		"42P01": `table "cloakroom_sessions" is missing or not the store's: call Migrate`,
		"42703": "call Migrate",
		"3F000": "Options.Schema",
		"42501": "schema.sql",
		"26000": "default_query_exec_mode=exec",
		"42P05": "default_query_exec_mode=exec",
		"57014": "",
		"57P01": "",
		"53300": "",
		"23514": "",
	} {
		for name := range calls(nil) {
			db := &fake{answers: []answer{{err: fmt.Errorf("wrapped: %w", database(code))}}}
			err := calls(open(t, db))[name](t.Context())
			var reported *pgconn.PgError
			if !errors.As(err, &reported) || reported.Code != code || !strings.HasPrefix(err.Error(), "postgresstore: ") {
				t.Errorf("%s with %s: got error %v, want the database's", name, code, err)
			}
			if err == nil || !strings.Contains(err.Error(), hint) {
				t.Errorf("%s with %s: got error %v, want it to say %q", name, code, err, hint)
			}
			if code == "23514" && reported != nil && reported.Detail != "" {
				t.Errorf("%s: the error repeats the row: %q", name, reported.Detail)
			}
		}
	}
}

func TestAStatementThatWasUndoneIsRepeated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		errs []error
		want error
		sent int
	}{
		{"once", []error{database("40001"), nil}, nil, 2},
		{"several times", []error{database("40001"), database("40P01"), database("40001"), nil}, nil, 4},
		{"until something else happens", []error{database("40001"), errNetwork}, errNetwork, 2},
		{"not for ever", []error{database("40001")}, &pgconn.PgError{Code: "40001"}, attempts},
		{"not in a transaction", []error{database("40001"), database("25P02")}, &pgconn.PgError{Code: "40001"}, 2},
		{"and nothing else is", []error{database("57014")}, &pgconn.PgError{Code: "57014"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := &fake{}
				for _, err := range c.errs {
					db.answers = append(db.answers, answer{err: err})
				}
				err := open(t, db).Delete(t.Context(), someID)
				if want, ok := errors.AsType[*pgconn.PgError](c.want); ok {
					if !hasCode(err, want.Code) {
						t.Errorf("got error %v, want code %s", err, want.Code)
					}
				} else if !errors.Is(err, c.want) {
					t.Errorf("got error %v, want %v", err, c.want)
				}
				if len(db.sent) != c.sent {
					t.Errorf("sent %d statements, want %d", len(db.sent), c.sent)
				}
			})
		})
	}
}

// cancelling is a database that reports a cancelled statement in its own words.
type cancelling struct {
	*fake

	cancel context.CancelFunc
}

func (c cancelling) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	c.cancel()
	return pgconn.CommandTag{}, database("57014")
}

func TestADoneContextIsFoundInEveryError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := open(t, cancelling{&fake{}, cancel}).Delete(ctx, someID)
	if !errors.Is(err, context.Canceled) || !hasCode(err, "57014") {
		t.Errorf("got error %v, want %v and the database's", err, context.Canceled)
	}
}

func TestSentinelsAreTheContractsOwn(t *testing.T) {
	t.Parallel()
	if !errors.Is(errForeign, sessionstore.ErrCorrupt) || !errors.Is(errSwapped, sessionstore.ErrCorrupt) {
		t.Error("what is not ours must be ErrCorrupt")
	}
}
