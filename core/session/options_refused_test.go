package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestNewRefusesOptionsThatContradictEachOther(t *testing.T) {
	t.Parallel()
	type options = session.Options
	for _, c := range []struct {
		name      string
		configure func(*options)
		hint      string
	}{
		{"Readable", func(o *options) { o.Readable = true }, "NewCookieOnly"},
		{"Header and Cookie", func(o *options) { o.Header, o.Cookie.Persistent = "X-Session", true }, "two Managers"},
		{"Header and the Cookie's Name", func(o *options) { o.Header, o.Cookie.Name = "X-Session", "__Host-session" }, "two Managers"},
		{"Header with a space", func(o *options) { o.Header = "X Session" }, "Header"},
		{"Header with a colon", func(o *options) { o.Header = "X-Session:" }, "Header"},
		{"Header with a line break", func(o *options) { o.Header = "X-Session\r\nX" }, "Header"},
		{"Header with NUL", func(o *options) { o.Header = "X\x00" }, "Header"},
		{"Header with a letter beyond ASCII", func(o *options) { o.Header = "X-Sitzungß" }, "Header"},
		{"Header Cookie", func(o *options) { o.Header = "cookie" }, "Header"},
		{"Header Set-Cookie", func(o *options) { o.Header = "SET-COOKIE" }, "Header"},
		{"Header Host", func(o *options) { o.Header = "host" }, "Header"},
		{"Header Vary", func(o *options) { o.Header = "vary" }, "Header"},
		{"Header Content-Length", func(o *options) { o.Header = "content-length" }, "Header"},
		{"Header ETag", func(o *options) { o.Header = "ETag" }, "Header"},
		{"StoreTimeout of NoTimeout", func(o *options) { o.StoreTimeout = session.NoTimeout }, "StoreTimeout"},
		{"IdleTimeout without a unit", func(o *options) { o.IdleTimeout = 1800 }, "1800*time.Second"},
		{"AbsoluteTimeout without a unit", func(o *options) {
			o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout, 86400
		}, "86400*time.Second"},
		{"__Host- with a Domain", func(o *options) { o.Cookie.Name, o.Cookie.Domain = "__Host-shop", "shop.example" }, "leave Name empty"},
		{"__Secure- over plain http", func(o *options) { o.Cookie.Name, o.Cookie.Insecure = "__Secure-shop", true }, "leave Name empty"},
		{"a cookie's Name with a space", func(o *options) { o.Cookie.Name = "my shop" }, `"my shop"`},
		{"a Domain with a scheme", func(o *options) { o.Cookie.Domain = "https://shop.example" }, `"https://shop.example"`},
		{"nil rule", func(o *options) { o.Skip = []func(*http.Request) bool{health, nil} }, "Skip[1]"},
		{"negative MaxSessions", func(o *options) { o.MaxSessions = -1 }, "MaxSessions"},
		{"RefuseNew without MaxSessions", func(o *options) { o.RefuseNew = true }, "MaxSessions"},
		{"negative RenewEvery", func(o *options) { o.RenewEvery = -1 }, "RenewEvery"},
		{"negative RenewGrace", func(o *options) { o.RenewEvery, o.RenewGrace = time.Hour, -1 }, "RenewGrace"},
		{"RenewEvery as short as its grace", func(o *options) { o.RenewEvery, o.RenewGrace = time.Minute, time.Minute }, "RenewGrace"},
		{"RenewEvery as short as the default grace", func(o *options) { o.RenewEvery = session.DefaultRenewGrace }, "RenewGrace"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options{Keys: [][]byte{testKey}}
			c.configure(&o)
			m, err := session.New(memstore.New(memstore.Options{}), o)
			if err == nil || m != nil {
				t.Fatal("New accepted it")
			}
			if !strings.Contains(err.Error(), c.hint) || !strings.HasPrefix(err.Error(), "session: ") {
				t.Errorf("the error does not help: %v", err)
			}
		})
	}
}

func TestMaxSessionsNeedsASubjectIndex(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	_, err := session.New(plainStore{e.store}, session.Options{Keys: [][]byte{testKey}, MaxSessions: 1})
	if !errors.Is(err, session.ErrUnsupported) || !strings.Contains(err.Error(), "MaxSessions") {
		t.Errorf("%v, want ErrUnsupported", err)
	}
}

func TestOptionsAtTheEdgeOfWhatIsRefusedWork(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*session.Options){
		"RenewEvery a nanosecond over its grace":         func(o *session.Options) { o.RenewEvery, o.RenewGrace = 61, 60 },
		"RenewEvery a nanosecond over the default grace": func(o *session.Options) { o.RenewEvery = session.DefaultRenewGrace + 1 },
		"RenewGrace without RenewEvery":                  func(o *session.Options) { o.RenewGrace = time.Second },
		"IdleTimeout equal to AbsoluteTimeout":           func(o *session.Options) { o.IdleTimeout = session.DefaultAbsoluteTimeout },
		"TouchInterval a nanosecond under IdleTimeout":   func(o *session.Options) { o.TouchInterval = session.DefaultIdleTimeout - 1 },
		"MaxSessions 1":                                    func(o *session.Options) { o.MaxSessions = 1 },
		"an empty list of rules":                           func(o *session.Options) { o.Skip = []func(*http.Request) bool{} },
		"every character that a field's name may have":     func(o *session.Options) { o.Header = "!#$%&'*+-.^_`|~09azAZ" },
		"a Header that is written in another way":          func(o *session.Options) { o.Header = "x-SESSION" },
		"RenewEvery over both timeouts, so that it is off": func(o *session.Options) { o.RenewEvery = session.NoTimeout },
	} {
		o := session.Options{Keys: [][]byte{testKey}}
		configure(&o)
		m, err := session.New(memstore.New(memstore.Options{}), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		v := &visitor{e: newEnv(t), m: m}
		wantStatus(t, v.do(count), http.StatusOK)
	}
}
