package session_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestASlowRequestKeepsItsChangeAcrossAMove has processes with and without RenewEvery.
func TestASlowRequestKeepsItsChangeAcrossAMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewed, func(o *session.Options) { o.RenewGrace = 10 * time.Minute })
		without := e.manager(e.store, renewed, func(o *session.Options) { o.RenewEvery, o.RenewGrace = 0, 0 })
		b := member(e)
		pass(renewAge + time.Second)
		finish := b.start(count)
		old := b.at(without)
		if !offers(b.do(count)) {
			t.Fatal("no ticket was offered")
		}
		b.do(nothing)
		old.ask(nothing) // may touch what is left of the old ticket
		pass(8 * time.Minute)
		wantStatus(t, finish(), http.StatusOK)
		b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if n := counter.Get(s); n != 2 {
				t.Errorf("counter %d, want 2: a slow request has lost its change", n)
			}
		})
		b.wantSignedIn()
	})
}

// TestASigningKeyAloneOpensNothing signs what a thief of the key can think of.
func TestASigningKeyAloneOpensNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	signer, err := session.NewSigner(testKey)
	if err != nil {
		t.Fatal(err)
	}
	var id, public string
	b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { public = s.ID() })
	list, err := e.mem.ListSubject(t.Context(), "ann")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	id = list[0].ID
	mine, err := base64.RawURLEncoding.DecodeString(b.ticket[:43])
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte(nil), mine...)
	_, _ = rand.Read(other[16:])
	stored, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string][]byte{
		"another secret of the session": other,
		"the store's id":                stored,
		"a text of 32 bytes":            []byte("oidc:0123456789abcdef0123456789a"),
		"the public id":                 append([]byte(public), make([]byte, 32-len(public))...),
		"zeros":                         make([]byte, 32),
	} {
		thief := newBrowser(e)
		thief.ticket = base64.RawURLEncoding.EncodeToString(token) + "." +
			base64.RawURLEncoding.EncodeToString(signer.Sign("cookie __Host-session", token))
		thief.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "" || s.ID() == public || len(s.Names()) > 0 {
				t.Errorf("%s opens a session", what)
			}
			s.Destroy()
		})
	}
	b.wantSignedIn()
}

// TestALogoutInAProcessWithoutTheKeyTakesTheCookieBack has a process that can't verify
// the ticket.
func TestALogoutInAProcessWithoutTheKeyTakesTheCookieBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	without := e.manager(e.store, func(o *session.Options) { o.Keys = [][]byte{session.GenerateKey()} })
	elsewhere := b.at(without)
	elsewhere.do(destroy)
	if elsewhere.ticket != "" {
		t.Error("the browser keeps its cookie after a logout")
	}
}

// TestALoginDoesNotStarveBesideWriters has four tabs that write all the time, to a
// store that takes 8 ms for each call.
func TestALoginDoesNotStarveBesideWriters(t *testing.T) {
	t.Parallel()
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				b := newBrowser(e)
				m.before(b)
				e.store.intercept(func(context.Context, op) error {
					<-time.After(8 * time.Millisecond)
					return nil
				})
				for round := range 6 {
					ctx, stop := context.WithCancel(t.Context())
					var tabs sync.WaitGroup
					for range 4 {
						tab := b.at(b.m)
						tabs.Go(func() {
							for ctx.Err() == nil {
								tab.ask(count) //nolint:contextcheck // another request
							}
						})
					}
					pass(100 * time.Millisecond)
					began := time.Now()
					res := b.do(m.make)
					if took := time.Since(began); res.StatusCode != http.StatusOK || took > 2*time.Second {
						t.Errorf("round %d: status %d after %v", round, res.StatusCode, took)
					}
					stop()
					tabs.Wait()
					b.wantSignedIn()
				}
			})
		})
	}
}
