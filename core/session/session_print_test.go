package session_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestWhatIsPrintedShowsNeitherTicketNorValues(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		name.Set(s, "Ann Example")
		s.Secret("csrf")
	})
	var printed bytes.Buffer
	show := func(x any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			_, _ = fmt.Fprintf(&printed, verb+"\n", x) // a Buffer takes everything
		}
		slog.New(slog.NewTextHandler(&printed, nil)).Info("text", "x", x)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("json", "x", x)
	}
	var publicID string
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		publicIDOf(&publicID)(w, r, s)
		show(s)
		show(r.Context())
	})
	if !strings.Contains(printed.String(), publicID) {
		t.Error("a session that is printed does not show its id")
	}
	show(e.list("ann"))
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		show(w)
		show(r.Context())
		show(context.WithoutCancel(r.Context()))
		show(s.WatchContext())
		_ = s.Secret("csrf")
		show(r.Context()) // when the session was looked at
	})
	for _, secret := range []string{
		v.cookie.Value[:43], v.cookie.Value[44:], v.id(), "Ann Example",
		fmt.Sprintf("%v", []byte("Ann Example")), fmt.Sprintf("%x", "Ann Example"), fmt.Sprintf("%#v", []byte("Ann Example")),
	} {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("printed: %s", secret)
		}
	}
}

func TestAManagerThatIsPrintedShowsNoKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		printed := fmt.Sprintf(verb, e.m)
		for _, key := range []string{
			fmt.Sprintf("%v", testKey), fmt.Sprintf("%#v", testKey), hex.EncodeToString(testKey), string(testKey),
		} {
			if strings.Contains(printed, key) {
				t.Errorf("%s printed %q", verb, key)
			}
		}
	}
}

func TestOptionsThatArePrintedShowNoKey(t *testing.T) {
	t.Parallel()
	sealer, err := session.NewSealer(testKey)
	if err != nil {
		t.Fatal(err)
	}
	o := session.Options{Keys: [][]byte{testKey}, Sealer: sealer, MaxSize: 4711}
	for _, x := range []any{o, &o, struct{ Session session.Options }{o}, []session.Options{o}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			printed := fmt.Sprintf(verb, x)
			for _, key := range []string{
				strings.Trim(fmt.Sprintf("%v", testKey), "[]"), strings.Trim(fmt.Sprintf("%#v", testKey), "[]byte{}"),
				hex.EncodeToString(testKey), fmt.Sprintf("%q", testKey), string(testKey),
			} {
				if strings.Contains(printed, key) {
					t.Errorf("%s of %T printed %q", verb, x, key)
				}
			}
			if verb == "%+v" && !strings.Contains(printed, "MaxSize:4711") {
				t.Errorf("%s of %T does not show the other options: %s", verb, x, printed)
			}
		}
	}
}
