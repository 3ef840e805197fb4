package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestWhatACookieCanNotDoIsUnsupported(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(authenticate)
		for what, do := range map[string]func(r *http.Request, s *session.Session) error{
			"Renew": func(r *http.Request, s *session.Session) error {
				s.Renew()
				return s.Commit(r.Context())
			},
			"Ticket": func(r *http.Request, s *session.Session) error {
				_, err := s.Ticket(r.Context())
				return err
			},
			"EndOthers": func(r *http.Request, s *session.Session) error {
				_, err := s.EndOthers(r.Context())
				return err
			},
			"List": func(r *http.Request, _ *session.Session) error {
				_, err := e.m.List(r.Context(), "ann")
				return err
			},
			"End": func(r *http.Request, s *session.Session) error { return e.m.End(r.Context(), "ann", s.ID()) },
			"EndSubject": func(r *http.Request, _ *session.Session) error {
				_, err := e.m.EndSubject(r.Context(), "ann")
				return err
			},
			"EndIf": func(r *http.Request, _ *session.Session) error {
				_, err := e.m.EndIf(r.Context(), "ann", func(session.Info) bool { return true })
				return err
			},
			"EndEverybody": func(r *http.Request, _ *session.Session) error {
				_, err := e.m.EndEverybody(r.Context())
				return err
			},
			"RunPruner": func(r *http.Request, _ *session.Session) error { return e.m.RunPruner(r.Context(), 1) },
		} {
			var err error
			v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { err = do(r, s) })
			if !errors.Is(err, session.ErrUnsupported) {
				e.tb.Errorf("%s: %v, want ErrUnsupported", what, err)
			}
		}
		if v.isNew() {
			e.tb.Error("the session is gone")
		}
	})
}

func TestNewCookieOnlyRefusesWhatCanNotWorkAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	type options = session.Options
	signer, err := session.NewSigner(testKey)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := session.NewSealer(testKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		configure   func(*options)
		hint        string
		unsupported bool
	}{
		{"no key", func(o *options) { o.Keys = nil }, "GenerateKey", false},
		{"no key, Readable", func(o *options) { o.Keys, o.Readable = nil, true }, "GenerateKey", false},
		{"short key", func(o *options) { o.Keys = [][]byte{testKey[:31]} }, "at least 32", false},
		{"Header", func(o *options) { o.Header = "X-Session" }, "Header", false},
		{"RenewEvery", func(o *options) { o.RenewEvery = session.DefaultIdleTimeout }, "RenewEvery", true},
		{"RenewGrace", func(o *options) { o.RenewGrace = 1 }, "RenewGrace", true},
		{"MaxSessions", func(o *options) { o.MaxSessions = 1 }, "MaxSessions", true},
		{"RefuseNew", func(o *options) { o.RefuseNew = true }, "RefuseNew", false},
		{"Readable and Sealer", func(o *options) { o.Keys, o.Sealer, o.Readable = nil, sealer, true }, "leave one out", false},
		{"Keys and Sealer", func(o *options) { o.Sealer = sealer }, "leave one out", false},
		{"Signer without Readable", func(o *options) { o.Keys, o.Signer = nil, signer }, "Readable", false},
		{"Signer and Sealer", func(o *options) { o.Keys, o.Signer, o.Sealer = nil, signer, sealer }, "Readable", false},
		{"Keys and Signer", func(o *options) { o.Signer, o.Readable = signer, true }, "leave one out", false},
		{"a cookie that browsers drop", func(o *options) { o.Cookie.Name, o.Cookie.Insecure = "__Host-s", true }, "__Host-", false},
		{"no timeout", func(o *options) { o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout, session.NoTimeout }, "must end", false},
		{"negative MaxSize", func(o *options) { o.MaxSize = -1 }, "MaxSize", false},
		{"nil rule", func(o *options) { o.Skip = []func(*http.Request) bool{nil} }, "Skip[0]", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options{Keys: [][]byte{testKey}}
			c.configure(&o)
			m, err := session.NewCookieOnly(o)
			if err == nil || m != nil {
				t.Fatal("NewCookieOnly accepted it")
			}
			if !strings.Contains(err.Error(), c.hint) || !strings.HasPrefix(err.Error(), "session: ") {
				t.Errorf("the error does not help: %v", err)
			}
			if errors.Is(err, session.ErrUnsupported) != c.unsupported {
				t.Errorf("%v: is it ErrUnsupported? want %v", err, c.unsupported)
			}
			if strings.Contains(err.Error(), string(testKey[:16])) {
				t.Error("the error repeats a key")
			}
		})
	}
}

func TestASealerOrASignerReplacesTheKeys(t *testing.T) {
	t.Parallel()
	signer, err := session.NewSigner(testKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, configure := range map[string]func(*session.Options){
		"Sealer": sealed(t, testKey),
		"Signer": func(o *session.Options) { o.Signer, o.Readable = signer, true },
	} {
		e := newCookieOnlyEnv(t, func(o *session.Options) {
			o.Keys = nil
			configure(o)
		})
		v := e.seed(count)
		if n, _ := read(v, counter); n != 1 {
			t.Errorf("%s: counter %d, want 1", name, n)
		}
	}
}
