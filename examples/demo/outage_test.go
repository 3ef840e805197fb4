package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A brokenStore fails while it is told to, and counts what it was asked.
type brokenStore struct {
	*memstore.Store

	failLoad, failList, failWrite atomic.Bool
	calls                         atomic.Int64
}

var errDisk = errors.New("no such device")

func (b *brokenStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	b.calls.Add(1)
	if b.failLoad.Load() {
		return sessionstore.Record{}, errDisk
	}
	return b.Store.Load(ctx, id)
}

func (b *brokenStore) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	b.calls.Add(1)
	if b.failLoad.Load() || b.failList.Load() {
		return nil, errDisk
	}
	return b.Store.ListSubject(ctx, subject)
}

func (b *brokenStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	b.calls.Add(1)
	if b.failWrite.Load() {
		return errDisk
	}
	return b.Store.Create(ctx, id, r)
}

func (b *brokenStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	b.calls.Add(1)
	if b.failWrite.Load() {
		return errDisk
	}
	return b.Store.Update(ctx, id, old, r)
}

func (b *brokenStore) Delete(ctx context.Context, id string) error {
	b.calls.Add(1)
	if b.failWrite.Load() {
		return errDisk
	}
	return b.Store.Delete(ctx, id)
}

func TestAnOutageIsNotALogout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		outage func(*brokenStore, bool)
		reads  int // status of a page that only reads
	}{
		{"on load", func(b *brokenStore, on bool) { b.failLoad.Store(on) }, http.StatusServiceUnavailable},
		{"on save", func(b *brokenStore, on bool) { b.failWrite.Store(on) }, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := &brokenStore{Store: memstore.New(memstore.Options{})}
			v := openSite(t, store, newKeys()).visitor(t)
			v.signIn(ada)
			v.post("/cart/coat", "quantity=1")
			v.get("/cart") // takes the messages
			token := v.token()
			ticket := v.ticket()

			tt.outage(store, true)
			v.wantStatus(v.get("/cart"), tt.reads)
			for _, path := range []string{"/cart/umbrella", "/cart/clear", "/checkout", "/logout", "/login", "/preferences"} {
				a := v.send(v.form(path, "quantity=1&theme=dark&"+bruno.credentials(), token))
				v.wantStatus(a, http.StatusServiceUnavailable)
				v.wantText(a, "try again in a moment")
				if a.header.Get("Retry-After") == "" || a.header.Get("Set-Cookie") != "" || a.header.Get("Location") != "" {
					t.Errorf("%s: header %v", path, a.header)
				}
			}
			tt.outage(store, false)

			if got := v.cart(); got != "Wool coat 1" || v.ticket() != ticket {
				t.Errorf("cart %q, ticket kept: %t", got, v.ticket() == ticket)
			}
			v.wantText(v.get("/profile"), ada.Name)
		})
	}
}

// Whoever sends forms and looks at no page fills the session with messages. The
// next page takes them, and all is well again.
func TestMessagesThatNobodyReadsLockNobodyOut(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]site{"memory": newSite(t), "cookie": openSite(t, nil, nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := s.visitor(t)
			v.signIn(ada)
			v.post("/cart/coat", "quantity=1")
			token := v.token()
			a := v.send(v.form("/preferences", "theme=dark", token))
			for n := 0; a.status == http.StatusSeeOther && n < 1000; n++ {
				a = v.send(v.form("/preferences", "theme=dark", token))
			}
			v.wantText(a, "more than we can keep")
			if got := v.cart(); got != "Wool coat 1" {
				t.Errorf("cart %q", got)
			}
			v.wantRedirect(v.send(v.form("/cart/coat", "quantity=1", token)), "/cart")
			v.wantText(v.get("/profile"), ada.Name)
		})
	}
}

func TestAPageThatNeedsASessionSaysWhenThereIsNone(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	v := openSite(t, store, nil).visitor(t)
	store.failWrite.Store(true)
	r := v.request(http.MethodGet, "/products/coat", "")
	r.Header.Set("Accept-Language", "fr")
	a := v.send(r)
	v.wantStatus(a, http.StatusServiceUnavailable)
	v.wantText(a, "Le vestiaire est injoignable")
	v.wantStatus(v.get("/"), http.StatusOK)
	store.failWrite.Store(false)
	v.wantStatus(v.get("/products/coat"), http.StatusOK)
}

func TestSessionsThatCanNotBeListedOrEndedNow(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	s := openSite(t, store, nil)
	v, other := s.visitor(t), s.visitor(t)
	v.signIn(bruno)
	other.signIn(bruno)
	token := v.token()
	store.failList.Store(true)
	for _, a := range []answer{
		v.get("/devices"), v.get("/admin"), v.send(v.form("/devices/end-others", "", token)),
		v.send(v.form("/devices/x/end", "", token)), v.send(v.form("/admin/"+ada.ID+"/end", "", token)),
	} {
		v.wantStatus(a, http.StatusServiceUnavailable)
	}
	store.failList.Store(false)
	v.wantStatus(v.get("/devices"), http.StatusOK)
	other.wantStatus(other.get("/profile"), http.StatusOK)
}

func TestAnOutageChangesNoPassword(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	v := openSite(t, store, nil).visitor(t)
	v.signIn(ada)
	v.get("/") // takes the message
	token := v.token()
	store.failWrite.Store(true)
	a := v.send(v.form("/password", "current="+ada.Password+"&password=a+brand+new+password", token))
	v.wantStatus(a, http.StatusServiceUnavailable)
	store.failWrite.Store(false)
	v.wantStatus(v.get("/profile"), http.StatusOK)
	v.wantRedirect(v.post("/confirm", "password="+ada.Password), "/")
}

// Sessions that can't be ended at once are turned away when they come back.
func TestANewPasswordHoldsThoughTheOtherSessionsCanNotBeListed(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	s := openSite(t, store, nil)
	here, there := s.visitor(t), s.visitor(t)
	here.signIn(ada)
	there.signIn(ada)
	token := here.token()
	store.failList.Store(true)
	a := here.send(here.form("/password", "current="+ada.Password+"&password=a+brand+new+password", token))
	here.wantRedirect(a, "/profile")
	there.wantRedirect(there.get("/profile"), "/login?next=%2Fprofile")
}

func TestEachFailureHasItsPage(t *testing.T) {
	t.Parallel()
	sh := makeShop(t, settings{})
	for _, tt := range []struct {
		err    error
		status int
		text   string
	}{
		{errDisk, http.StatusServiceUnavailable, "Your things are safe"},
		{session.ErrNotFound, http.StatusConflict, "Your session has ended"},
		{session.ErrTooLarge, http.StatusRequestEntityTooLarge, "more than we can keep"},
		{session.ErrEncode, http.StatusInternalServerError, "Something went wrong"},
	} {
		w := httptest.NewRecorder()
		sh.unavailable(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), tt.err)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.text) {
			t.Errorf("%v: status %d, body:\n%s", tt.err, w.Code, w.Body)
		}
		if retry := w.Header().Get("Retry-After"); (retry != "") != (tt.status == http.StatusServiceUnavailable) {
			t.Errorf("%v: Retry-After %q", tt.err, retry)
		}
	}
}
