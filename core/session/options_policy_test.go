package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// The policies of these options are in testdata/policy.golden.
var policies = []struct {
	name       string
	configure  func(*session.Options)
	cookieOnly bool
}{
	{"default", func(*session.Options) {}, false},
	{"Persistent, Strict", func(o *session.Options) { o.Cookie = session.Cookie{Persistent: true, SameSite: 3} }, false},
	{"Insecure, ScriptReadable, Domain and Path", func(o *session.Options) {
		o.Cookie = session.Cookie{Insecure: true, ScriptReadable: true, Domain: "example.com", Path: "/shop"}
	}, false},
	{"Authorization", func(o *session.Options) { o.Header = "authorization" }, false},
	{"Header", func(o *session.Options) { o.Header = "x-session" }, false},
	{"Sealer", func(o *session.Options) { o.Sealer, _ = session.NewSealer(testKey) }, false}, // the key is good
	{"timeouts", func(o *session.Options) { o.IdleTimeout, o.AbsoluteTimeout = 90*time.Second, 30*24*time.Hour }, false},
	{"no IdleTimeout", func(o *session.Options) { o.IdleTimeout = session.NoTimeout }, false},
	{"no AbsoluteTimeout", func(o *session.Options) { o.AbsoluteTimeout = session.NoTimeout }, false},
	{"RenewEvery", func(o *session.Options) { o.RenewEvery = 15 * time.Minute }, false},
	{"RenewGrace", func(o *session.Options) { o.RenewEvery, o.RenewGrace = 15*time.Minute, time.Second }, false},
	{"MaxSessions", func(o *session.Options) { o.MaxSessions = 3 }, false},
	{"RefuseNew", func(o *session.Options) { o.MaxSessions, o.RefuseNew = 1, true }, false},
	{"Binding", bound, false},
	{"Binding to the user agent", func(o *session.Options) { o.Binding.UserAgent = true }, false},
	{"Binding to the address", func(o *session.Options) { o.Binding.IPv4Bits = 24 }, false},
	{"NewCookieOnly", func(*session.Options) {}, true},
	{"NewCookieOnly, Readable", func(o *session.Options) { o.Readable = true }, true},
}

func TestThePolicyIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, p := range policies {
		o := session.Options{Keys: [][]byte{testKey}}
		p.configure(&o)
		m, err := session.New(memstore.New(memstore.Options{}), o)
		if p.cookieOnly {
			m, err = session.NewCookieOnly(o)
		}
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		policy := m.Policy()
		if strings.Contains(policy, session.FormatKey(testKey)) || strings.Contains(policy, string(testKey)) {
			t.Errorf("%s: the policy has the key", p.name)
		}
		if policy != m.Policy() {
			t.Errorf("%s: the policy is another one each time", p.name)
		}
		_, _ = fmt.Fprintf(&got, "%s\n\t%s", p.name, strings.ReplaceAll(policy, "\n", "\n\t")) // a Builder takes everything
		got.WriteString("\n")
	}
	wantGolden(t, "policy.golden", strings.ReplaceAll(got.String(), "\t\n", "\n"))
}
