package memcachestore

import (
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestOtherErrorsLeaveTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ answer, want string }{
		{"SERVER_ERROR out of memory storing object\r\n", "SERVER_ERROR out of memory"},
		{"ERROR\r\n", "unexpected"},
		{"ERROR Too many open connections\r\n", "Too many open connections"},
		{"secret\r\n", "(withheld)"},
		{"VALUE secret\r\n", "(withheld)"},
	} {
		for name := range calls(nil) {
			t.Run(c.answer+name, func(t *testing.T) {
				t.Parallel()
				store, _ := open(t, always(c.answer))
				err := calls(store)[name](t.Context())
				if err == nil || !strings.HasPrefix(err.Error(), "memcachestore: ") || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error is %v, want one that names the package and says %q", err, c.want)
				}
				if sessionstore.Certain(err) {
					t.Errorf("%v tells what has happened, which is not certain", err)
				}
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("error is %q", err)
				}
			})
		}
	}
}
