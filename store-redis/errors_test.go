package redisstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestAnswersOfScripts(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		"ok":       nil,
		"absent":   sessionstore.ErrNotFound,
		"expired":  sessionstore.ErrNotFound,
		"exists":   sessionstore.ErrExists,
		"conflict": sessionstore.ErrConflict,
		"corrupt":  sessionstore.ErrCorrupt,
		"nonsense": errAnswer,
		"taken":    errAnswer,
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			store, _ := open(t, func(command []string) string {
				if command[0] == "set" {
					return "$-1\r\n" // so that Create asks why
				}
				return bulk([]byte(answer))
			})
			wantError(t, "Create", store.Create(t.Context(), newID(), newRecord("")), want)
			wantError(t, "Update", store.Update(t.Context(), newID(), 1, newRecord("")), want)
			wantError(t, "Touch", store.Touch(t.Context(), newID(), 1, time.Now().Add(time.Hour)), want)
		})
	}
}

func TestErrorsOfTheServerLeaveTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{
		"OOM command not allowed when used memory > 'maxmemory'.",
		"READONLY You can't write against a read only replica.",
		"LOADING Redis is loading the dataset in memory",
		"CLUSTERDOWN Hash slot not served",
		"NOPERM this user has no permissions",
	} {
		for name := range calls(nil) {
			t.Run(reply+" "+name, func(t *testing.T) {
				t.Parallel()
				store, _ := open(t, always("-"+reply+"\r\n"))
				err := calls(store)[name](t.Context())
				var driver redis.Error
				if !errors.As(err, &driver) || driver.Error() != reply {
					t.Errorf("error is %v, want one that wraps the driver's", err)
				}
				wantOpen(t, err)
			})
		}
	}
}

// wantOpen fails the test unless err names the package and is no sentinel.
func wantOpen(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "redisstore: ") {
		t.Errorf("error is %v, want one that names the package", err)
	}
	if sessionstore.Certain(err) {
		t.Errorf("%v tells what has happened, which is not certain", err)
	}
}

func TestForeignValuesAreCorrupt(t *testing.T) {
	t.Parallel()
	id, r := newID(), newRecord("")
	for name, answer := range map[string]string{
		"another type":     "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
		"nothing":          bulk(nil),
		"a few bytes":      bulk([]byte("1234567")),
		"other bytes":      bulk([]byte(strings.Repeat("x", 200))),
		"another's record": stored(newID(), r),
		"a cut record":     bulk(sessionstore.AppendRecord(nil, id, r)[:70]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := open(t, always(answer))
			_, err := store.Load(t.Context(), id)
			wantError(t, "Load", err, sessionstore.ErrCorrupt)
		})
	}
}

func TestErrorsDoNotRepeatWhatTheServerSent(t *testing.T) {
	t.Parallel()
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := open(t, always("secret\r\n"))
			err := calls(store)[name](t.Context())
			wantOpen(t, err)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error is %q", err)
			}
		})
	}
}
