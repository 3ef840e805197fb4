package postgresstore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Nobody pays for what nobody asked for; whoever asked pays with no statement more.
func TestTheStatementsThatEndRecordsNotify(t *testing.T) {
	t.Parallel()
	ends := map[string]bool{"Update": true, "Delete": true, "DeleteSubject": true, "DeleteAll": true}
	for name := range calls(nil) {
		for _, on := range []bool{false, true} {
			db := &fake{answers: []answer{{err: errNetwork}}}
			s, err := New(db, Options{Schema: "it's", Table: `a\b`, Notify: on})
			if err != nil {
				t.Fatal(err)
			}
			if err := calls(s)[name](t.Context()); !errors.Is(err, errNetwork) {
				t.Errorf("%s: got error %v, want the driver's", name, err)
			}
			if len(db.sent) != 1 {
				t.Errorf("%s with Notify %v sends %d statements, want 1", name, on, len(db.sent))
			}
			notifies := strings.Contains(db.sent[0].sql, `pg_notify('cloakroom_' || E'"it''s"."a\\b"'::regclass::oid, kept.id)`)
			if want := on && ends[name]; notifies != want || strings.ContainsAny(db.sent[0].sql, "{}") {
				t.Errorf("%s with Notify %v sends %s", name, on, db.sent[0].sql)
			}
		}
	}
}

func TestWatchIsUnsupportedUnlessItIsSetUp(t *testing.T) {
	t.Parallel()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	listen := func(context.Context) (*pgx.Conn, error) { return nil, errNetwork }
	for name, c := range map[string]struct {
		done bool
		o    Options
		want error
	}{
		"without Notify":       {true, Options{Listen: listen}, sessionstore.ErrUnsupported},
		"without a connection": {true, Options{Notify: true}, sessionstore.ErrUnsupported},
		"set up, done":         {true, Options{Notify: true, Listen: listen}, context.Canceled},
		"set up, out of reach": {false, Options{Notify: true, Listen: listen}, errNetwork},
	} {
		s, err := New(&fake{}, c.o)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if c.done {
			ctx = done
		}
		err = s.Watch(ctx, func(string) { t.Errorf("%s: something is reported", name) })
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), ": ") {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
