package session_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// cookieOnlyModes are the two forms in which a session travels in its cookie.
var cookieOnlyModes = map[string]func(*session.Options){
	"sealed": func(*session.Options) {},
	"signed": func(o *session.Options) { o.Readable = true },
}

// eachMode runs f for both forms, in a bubble of fake time.
func eachMode(t *testing.T, f func(e *env)) {
	t.Helper()
	for name, mode := range cookieOnlyModes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { f(newCookieOnlyEnv(t, mode)) })
		})
	}
}

// newCookieOnlyEnv returns an env without a store; that of the helpers has to
// stay empty.
func newCookieOnlyEnv(tb testing.TB, configure ...func(*session.Options)) *env {
	tb.Helper()
	mem := memstore.New(memstore.Options{})
	e := &env{tb: tb, mem: mem, store: &faultyStore{inner: mem}, logs: &syncBuffer{}}
	e.m = e.cookieOnly(configure...)
	tb.Cleanup(e.checkLogs)
	return e
}

// cookieOnly returns another Manager without a store.
func (e *env) cookieOnly(configure ...func(*session.Options)) *session.Manager {
	e.tb.Helper()
	o := session.Options{Keys: [][]byte{testKey}, Logger: e.logs.logger()}
	for _, f := range configure {
		f(&o)
	}
	m, err := session.NewCookieOnly(o)
	if err != nil {
		e.tb.Fatal(err)
	}
	return m
}

// with returns the visitor as another Manager meets them.
func (v *visitor) with(m *session.Manager) *visitor {
	c := v.fork()
	c.m = m
	return c
}

// holding returns the visitor with another value in the cookie.
func (v *visitor) holding(value string) *visitor {
	c := v.fork()
	c.cookie = &http.Cookie{Name: v.cookie.Name, Value: value}
	return c
}

// send makes a request with this Cookie header, byte for byte.
func (e *env) send(cookies string, f handler) *http.Response {
	e.tb.Helper()
	w := httptest.NewRecorder()
	e.m.HandlerFunc(f).ServeHTTP(w, request(e.tb, cookies))
	return w.Result()
}

// isNew reports whether a request with this cookie gets a session that is new.
func (v *visitor) isNew() (isNew bool) {
	v.e.tb.Helper()
	res := v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { isNew = s.IsNew() })
	wantStatus(v.e.tb, res, http.StatusOK)
	return isNew
}

func TestASessionInItsCookieIsUsedLikeAnyOther(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.visitor()
		wantNoCookie(e.tb, v.do(look))
		res := v.do(count)
		if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Vary") != "Cookie" {
			e.tb.Errorf("header %v", res.Header)
		}
		wantNoCookie(e.tb, v.do(look))
		var publicID string
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			publicID = s.ID()
			name.Set(s, "Ann")
			s.Flash("success", "saved")
		})
		v.do(authenticate)
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if counter.Get(s) != 2 || name.Get(s) != "Ann" || s.Subject() != "ann" || s.ID() != publicID || s.IsNew() {
				e.tb.Errorf("counter %d, name %q, subject %q, new %v", counter.Get(s), name.Get(s), s.Subject(), s.IsNew())
			}
			if f, err := s.Flashes(r.Context()); err != nil || len(f) != 1 {
				e.tb.Errorf("flashes %v, %v", f, err)
			}
			s.Clear()
		})
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if f, err := s.Flashes(r.Context()); err != nil || len(f) != 0 || len(s.Names()) != 0 || s.Subject() != "ann" {
				e.tb.Errorf("flashes %v, %v, keys %v, subject %q", f, err, s.Names(), s.Subject())
			}
		})
		v.do(destroy)
		if v.cookie != nil || !v.isNew() {
			e.tb.Error("Destroy left the cookie")
		}
	})
}

func TestOnlyAReadableCookieCanBeRead(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			name.Set(s, "a secret")
			s.Authenticate("ann")
		})
		text, _, signed := strings.Cut(v.cookie.Value, ".")
		data, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			e.tb.Fatal(err)
		}
		for _, plain := range []string{"a secret", name.Name(), "ann"} {
			if bytes.Contains(data, []byte(plain)) != signed {
				e.tb.Errorf("signed only: %v, but it shows %q: %v", signed, plain, !signed)
			}
		}
	})
}

func TestEveryBitOfASessionInItsCookieCounts(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		e.logs = &syncBuffer{}
		value := e.seed(count).cookie.Value
		wantNew := func(what string, value []byte) {
			e.tb.Helper()
			res := e.send("__Host-session="+string(value), func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if !s.IsNew() || counter.Get(s) != 0 {
					e.tb.Errorf("%s: it gives the session", what)
				}
			})
			wantStatus(e.tb, res, http.StatusOK)
			wantNoCookie(e.tb, res)
		}
		for bit := range len(value) * 8 {
			b := []byte(value)
			b[bit/8] ^= 1 << (bit % 8)
			wantNew("flipped", b)
		}
		for n := range len(value) {
			wantNew("cut at the end", []byte(value[:n]))
			wantNew("cut at the start", []byte(value[n+1:]))
			wantNew("without a byte", slices.Delete([]byte(value), n, n+1))
		}
		for c := range 256 {
			if strings.ContainsRune("; \t\r\n", rune(c)) {
				continue // ends the value
			}
			wantNew("longer", append([]byte(value), byte(c)))
			wantNew("longer in front", append([]byte{byte(c)}, value...))
		}
		wantNew("twice", []byte(value+value))
		wantNew("twice, with a point", []byte(value+"."+value))
		wantNew("with a line break", []byte(value[:8]+"\r\n"+value[8:]))
	})
}

func TestASessionInItsCookieIsWorthNothingElsewhere(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	otherKey := session.GenerateKey()
	called := func(o *session.Options) { o.Cookie.Name = "__Host-other-session" }
	keyed := func(keys ...[]byte) func(*session.Options) { return func(o *session.Options) { o.Keys = keys } }
	sealed, signed := cookieOnlyModes["sealed"], cookieOnlyModes["signed"]
	for _, c := range []struct {
		name      string
		made, got *session.Manager
		good      bool
	}{
		{"sealed, the same", e.cookieOnly(sealed), e.cookieOnly(sealed), true},
		{"signed, the same", e.cookieOnly(signed), e.cookieOnly(signed), true},
		{"sealed, another name", e.cookieOnly(sealed), e.cookieOnly(sealed, called), false},
		{"signed, another name", e.cookieOnly(signed), e.cookieOnly(signed, called), false},
		{"sealed shown as signed", e.cookieOnly(sealed), e.cookieOnly(signed), false},
		{"signed shown as sealed", e.cookieOnly(signed), e.cookieOnly(sealed), false},
		{"sealed shown as a ticket", e.cookieOnly(sealed), e.m, false},
		{"signed shown as a ticket", e.cookieOnly(signed), e.m, false},
		{"a ticket shown as sealed", e.m, e.cookieOnly(sealed), false},
		{"a ticket shown as signed", e.m, e.cookieOnly(signed), false},
		{"sealed, another key", e.cookieOnly(sealed), e.cookieOnly(sealed, keyed(otherKey)), false},
		{"signed, another key", e.cookieOnly(signed), e.cookieOnly(signed, keyed(otherKey)), false},
		{"sealed, an old key", e.cookieOnly(sealed), e.cookieOnly(sealed, keyed(otherKey, testKey)), true},
		{"signed, an old key", e.cookieOnly(signed), e.cookieOnly(signed, keyed(otherKey, testKey)), true},
		{"sealed, a removed key", e.cookieOnly(sealed, keyed(otherKey, testKey)), e.cookieOnly(sealed), false},
		{"signed, a removed key", e.cookieOnly(signed, keyed(otherKey, testKey)), e.cookieOnly(signed), false},
	} {
		v := e.visitor().with(c.made)
		v.do(count)
		v = v.with(c.got)
		if strings.Contains(c.name, "another name") {
			v.cookie = &http.Cookie{Name: "__Host-other-session", Value: v.cookie.Value}
		}
		if good := !v.isNew(); good != c.good {
			t.Errorf("%s: it gives a session: %v", c.name, good)
		}
	}
}

func TestASessionInItsCookieMovesToTheNewKeyWithTheNextChange(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		mode := cookieOnlyModes["sealed"]
		if strings.HasSuffix(e.tb.Name(), "signed") {
			mode = cookieOnlyModes["signed"]
		}
		newKey := session.GenerateKey()
		with := func(keys ...[]byte) *session.Manager {
			return e.cookieOnly(mode, func(o *session.Options) { o.Keys = keys })
		}
		v := e.seed(count)
		old := v.fork()
		v.m = with(newKey, testKey)
		v.do(count)
		v.m = with(newKey)
		if n, _ := read(v, counter); n != 2 {
			e.tb.Errorf("counter %d, want 2", n)
		}
		if !old.with(with(newKey)).isNew() {
			e.tb.Error("a removed key still opens")
		}
	})
}

func TestAnUnreadableCookieLeavesOneLineInTheLog(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		for _, n := range []int{1, 3, 1000} {
			before := strings.Count(e.logs.String(), "\n")
			e.secret("bad-value-of-a-cookie")
			e.send(strings.Repeat("__Host-session=bad-value-of-a-cookie; ", n), look)
			if lines := strings.Count(e.logs.String(), "\n") - before; lines != 1 {
				e.tb.Errorf("%d bad cookies left %d lines in the log, want one", n, lines)
			}
		}
	})
}

func TestOfTwoCookiesTheOneThatOpensCounts(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		own := "__Host-session=" + e.seed(count).cookie.Value
		for _, cookies := range []string{"__Host-session=x; " + own, own + "; __Host-session=x", "a=b; " + own} {
			e.send(cookies, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if counter.Get(s) != 1 {
					e.tb.Errorf("not found in %d bytes of cookies", len(cookies))
				}
			})
		}
	})
}
