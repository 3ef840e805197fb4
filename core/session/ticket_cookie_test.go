package session_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// The cookies of these options, as the browser gets them, are in
// testdata/cookies.golden: one line that sets, one that deletes. They are the same
// for a session that travels in its cookie.
var goldenCookies = []struct {
	name      string
	cookie    session.Cookie
	configure func(*session.Options)
	work      handler // count, if there is none
}{
	{name: "default"},
	{name: "Name", cookie: session.Cookie{Name: "__Host-shop-session"}},
	{name: "plain Name", cookie: session.Cookie{Name: "session"}},
	{name: "Domain", cookie: session.Cookie{Domain: "example.com"}},
	{name: "Domain with a dot", cookie: session.Cookie{Domain: ".example.com"}},
	{name: "Path", cookie: session.Cookie{Path: "/shop"}},
	{name: "Strict", cookie: session.Cookie{SameSite: http.SameSiteStrictMode}},
	{name: "None", cookie: session.Cookie{SameSite: http.SameSiteNoneMode}},
	{name: "Partitioned", cookie: session.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}},
	{name: "Persistent", cookie: session.Cookie{Persistent: true}},
	{name: "Persistent, idle timeout of 30 days", cookie: session.Cookie{Persistent: true}, configure: func(o *session.Options) {
		o.IdleTimeout, o.AbsoluteTimeout = 30*24*time.Hour, session.NoTimeout
	}},
	{name: "Persistent, longer than browsers keep it", cookie: session.Cookie{Persistent: true}, configure: func(o *session.Options) {
		o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout, 1000*24*time.Hour
	}},
	{name: "Persistent, less than a second", cookie: session.Cookie{Persistent: true}, configure: func(o *session.Options) {
		o.IdleTimeout = time.Millisecond
	}},
	{name: "Insecure", cookie: session.Cookie{Insecure: true}},
	{name: "ScriptReadable", cookie: session.Cookie{ScriptReadable: true}},
	{name: "everything", cookie: session.Cookie{
		Name: "__Secure-all-session", Domain: "example.com", Path: "/a", SameSite: http.SameSiteNoneMode,
		Persistent: true, Partitioned: true, ScriptReadable: true,
	}},
	{name: "SetPersistent(true)", work: both(count, setPersistent(true))},
	{name: "SetPersistent(false), Persistent", cookie: session.Cookie{Persistent: true}, work: both(count, setPersistent(false))},
	{name: "SetIdleTimeout", work: setupIdle(5 * time.Hour)},
	{name: "SetIdleTimeout, Persistent", cookie: session.Cookie{Persistent: true}, work: setupIdle(5 * time.Hour)},
	{name: "SetIdleTimeout(NoTimeout), Persistent", cookie: session.Cookie{Persistent: true}, work: setupIdle(session.NoTimeout)},
	{name: "SetDeadline, Persistent", cookie: session.Cookie{Persistent: true}, work: both(count, endsIn(90*time.Second+1))},
}

// both returns a handler that does one and then the other.
func both(first, second handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		first(w, r, s)
		second(w, r, s)
	}
}

func TestCookiesAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got strings.Builder
		for _, c := range goldenCookies {
			configure := func(o *session.Options) {
				o.Cookie = c.cookie
				if c.configure != nil {
					c.configure(o)
				}
			}
			work := c.work
			if work == nil {
				work = count
			}
			e := newEnv(t, configure)
			set, unset := lines(e.visitor(), work)
			_, _ = fmt.Fprintf(&got, "%s\n\t%s\n\t%s\n", c.name, set, unset) // a Builder takes everything
			for mode, f := range cookieOnlyModes {
				if s, u := lines(e.visitor().with(e.cookieOnly(configure, f)), work); s != set || u != unset {
					t.Errorf("%s, %s: the session in its cookie has\n%s\n%s, want\n%s\n%s", c.name, mode, s, u, set, unset)
				}
			}
		}
		wantGolden(t, "cookies.golden", got.String())
	})
}

// lines returns how a visitor's cookie is set and deleted.
func lines(v *visitor, work handler) (set, unset string) {
	v.e.tb.Helper()
	set = v.do(work).Header.Get("Set-Cookie")
	if v.cookie == nil {
		v.e.tb.Fatalf("Set-Cookie %q", set)
	}
	set = strings.Replace(set, v.cookie.Value, "TICKET", 1)
	return set, v.do(destroy).Header.Get("Set-Cookie")
}

// wantGolden compares with a file in testdata, or rewrites it.
func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCookiesThatBrowsersDropAreRefused(t *testing.T) {
	t.Parallel()
	type cookie = session.Cookie
	for _, c := range []struct {
		name   string
		cookie cookie
		hint   string // the error names it
	}{
		{"__Host- without Secure", cookie{Name: "__Host-s", Insecure: true}, "__Host-"},
		{"__Host- with Domain", cookie{Name: "__Host-s", Domain: "example.com"}, "__Host-"},
		{"__Host- with Path", cookie{Name: "__Host-s", Path: "/a"}, "__Host-"},
		{"__Host- in capitals", cookie{Name: "__HOST-s", Domain: "example.com"}, "__Host-"},
		{"__Host- in small letters", cookie{Name: "__host-s", Insecure: true}, "__Host-"},
		{"__Secure- without Secure", cookie{Name: "__Secure-s", Insecure: true}, "__Secure-"},
		{"__Secure- in mixed letters", cookie{Name: "__sEcUrE-s", Insecure: true}, "__Secure-"},
		{"__Http- readable by scripts", cookie{Name: "__Http-s", ScriptReadable: true}, "__Http-"},
		{"__Http- without Secure", cookie{Name: "__http-s", Insecure: true}, "__Http-"},
		{"__Host-Http- readable by scripts", cookie{Name: "__Host-Http-s", ScriptReadable: true}, "__Http-"},
		{"SameSite=None without Secure", cookie{SameSite: http.SameSiteNoneMode, Insecure: true}, "SameSite"},
		{"SameSite without a value", cookie{SameSite: http.SameSiteDefaultMode}, "SameSite"},
		{"SameSite out of range", cookie{SameSite: http.SameSiteNoneMode + 1}, "SameSite"},
		{"negative SameSite", cookie{SameSite: -1}, "SameSite"},
		{"Partitioned without Secure", cookie{Partitioned: true, Insecure: true}, "artitioned"},
		{"relative Path", cookie{Path: "a"}, "Path"},
		{"Path with a semicolon", cookie{Path: "/a;b"}, "Path"},
		{"Path over 1,024 bytes", cookie{Path: "/" + strings.Repeat("a", 1024)}, "Path"},
		{"Domain over 1,024 bytes", cookie{Domain: strings.Repeat("abcdefghi.", 110) + "com"}, "omain"},
		{"Domain with a space", cookie{Domain: "exa mple.com"}, "omain"},
		{"Name with a space", cookie{Name: "my session"}, "Name"},
		{"Name with a separator", cookie{Name: "a=b"}, "Name"},
		{"Name too long for any value", cookie{Name: strings.Repeat("n", 4000)}, "Name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{testKey}, Cookie: c.cookie})
			if err == nil {
				t.Fatal("New accepted it")
			}
			if !strings.Contains(err.Error(), c.hint) || !strings.Contains(err.Error(), "Options.Cookie") {
				t.Errorf("the error does not say where: %v", err)
			}
		})
	}
}

// A persistent cookie lasts until the session's last possible end, so that it need
// not be sent again when the session is extended.
func TestACookieIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, persistent := range []bool{false, true} {
		for who, work := range map[string]handler{"anonymous": count, "signed in": signIn("ann", count)} {
			t.Run(fmt.Sprintf("persistent %v, %s", persistent, who), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					v := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = persistent }).seed(work)
					maxAge := 0
					if persistent {
						maxAge = int(session.DefaultAbsoluteTimeout.Seconds())
					}
					if v.cookie.MaxAge != maxAge {
						t.Errorf("Max-Age %d, want %d", v.cookie.MaxAge, maxAge)
					}
					for _, work := range []handler{count, nothing} { // by a write, by a touch
						pass(session.DefaultIdleTimeout / 2)
						wantNoCookie(t, v.do(work))
					}
				})
			})
		}
	}
}

func TestCookieIsTheOneThatCarriesTheTicket(t *testing.T) {
	t.Parallel()
	keys := [][]byte{session.GenerateKey()}
	m, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	want := session.Cookie{Name: "__Host-session", Path: "/", SameSite: http.SameSiteLaxMode}
	if c, err := m.Cookie(); err != nil || c != want {
		t.Errorf("%+v, %v", c, err)
	}
	header, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: keys, Header: "Authorization"})
	if err != nil {
		t.Fatal(err)
	}
	travelling, err := session.NewCookieOnly(session.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*session.Manager{header, travelling} {
		if c, err := m.Cookie(); !errors.Is(err, session.ErrUnsupported) || c != (session.Cookie{}) {
			t.Errorf("%+v, %v", c, err)
		}
	}
}
