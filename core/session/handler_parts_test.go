package session

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cloakroom-go/cloakroom/core/internal/deadline"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A request makes one of each. The allocator rounds their sizes up: a field too many costs a
// hundred bytes.
func TestWhatARequestMakesFitsItsSizeClass(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ size, class uintptr }{
		"Session":  {unsafe.Sizeof(Session{}), 896},
		"exchange": {unsafe.Sizeof(exchange{}), 640},
	} {
		if c.size > c.class {
			t.Errorf("%s has %d bytes, want %d at most", name, c.size, c.class)
		}
	}
}

// BenchmarkParts measures what a request that reads a session can't do without, one part
// at a time: docs/performance.md shows the shares.
func BenchmarkParts(b *testing.B) {
	m, err := New(memstore.New(memstore.Options{}), Options{Keys: [][]byte{GenerateKey()}})
	if err != nil {
		b.Fatal(err)
	}
	tok, now := newToken(), wallNow()
	st := state{
		id: publicID{1}, count: 2,
		tickets: []entry{{hash: tok.hash(), offered: 1, seen: 2, at: now, rights: rights{started: now}}},
	}
	for version := range sessionstore.Version(maxWrites) {
		st.noteWrite(version + 1)
	}
	for _, name := range []string{"counter", "name", "cart", "profile", "language"} {
		st.set(name, []byte(strings.Repeat("x", 40)))
	}
	id, ticket, r := tok.id(), m.ticket(&tok), httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", http.NoBody)
	record := sessionstore.Record{Data: st.encode(), Expires: time.Now().Add(time.Hour), Version: 1}
	if err := m.store.Create(b.Context(), id, record); err != nil {
		b.Fatal(err)
	}
	var w http.ResponseWriter = httptest.NewRecorder()
	var room [2 * len(token{})]byte
	var kept struct { // else it would lie on the stack
		x *exchange
		s *Session
		c *deadline.Context
		h http.Header
	}
	for _, part := range []struct {
		name string
		f    func()
	}{
		{"ticket", func() { m.verify(ticket, &room) }},
		{"id", func() { _ = tok.id() }},
		{"hash", func() { _ = tok.hash() }},
		{"clock", func() { _ = wallNow() }},
		{"exchange", func() { kept.x = m.exchange(w, r) }},
		{"deadline", func() { kept.c = m.storeContext(r.Context()) }},
		{"store", func() { _, _ = m.store.Load(r.Context(), id) }},
		{"decode", func() { _, _ = decodeState(record) }},
		{"session", func() { kept.s = &Session{m: m} }},
		{"vary", func() { kept.h = http.Header{"Vary": {"Cookie"}} }},
		{"encode", func() { st.encode() }},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				part.f()
			}
		})
	}
	_ = kept
}
