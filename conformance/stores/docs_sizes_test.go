package stores_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestSizesAreTheDocumentedOnes keeps the table of sizes in docs/operations.md
// true: its rows are made here.
func TestSizesAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	signIn := func(s *session.Session) { s.Authenticate("ann") }
	fill := func(s *session.Session) {
		session.NewKey[string]("language").Set(s, "fr")
		session.NewKey[string]("theme").Set(s, "dark")
		session.NewKey[bool]("notifications").Set(s, true)
		session.NewKey[[]string]("cart").Set(s, []string{"a hat", "a coat", "an umbrella"})
		session.NewKey[[]string]("history").Set(s, []string{"/", "/hats", "/coats", "/umbrellas"})
	}
	for _, c := range []struct {
		name string
		work func(*session.Session)
	}{
		{"signed in, no values", signIn},
		{"five small values", fill},
		{"both", func(s *session.Session) { signIn(s); fill(s) }},
	} {
		plain, ticket := sizes(t, c.work, nil)
		sealer, err := session.NewSealer(session.GenerateKey())
		if err != nil {
			t.Fatal(err)
		}
		sealed, _ := sizes(t, c.work, sealer)
		row := fmt.Sprintf("| %s | %d | %d | %d | %d |", c.name, plain, sealed, ticket, cookieOnlySize(t, c.work))
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/operations.md lacks the row\n%s", row)
		}
	}
}

// A recordingStore remembers what was last created in it.
type recordingStore struct {
	*memstore.Store

	created sessionstore.Record
}

func (s *recordingStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	s.created = r
	return s.Store.Create(ctx, id, r)
}

// sizes returns the bytes of data that a store is given for a session, and those
// of the cookie's value.
func sizes(t *testing.T, work func(*session.Session), sealer session.Sealer) (data, cookie int) {
	t.Helper()
	store := &recordingStore{Store: memstore.New(memstore.Options{})}
	o := lifeOptions()
	o.Sealer = sealer
	_, c := send(t, manager(t, store, o), nil, func(_ context.Context, s *session.Session) { work(s) })
	return len(store.created.Data), len(c.Value)
}

// cookieOnlySize returns the bytes of the cookie's value where there is no store.
func cookieOnlySize(t *testing.T, work func(*session.Session)) int {
	t.Helper()
	m, err := session.NewCookieOnly(lifeOptions())
	if err != nil {
		t.Fatal(err)
	}
	_, c := send(t, m, nil, func(_ context.Context, s *session.Session) { work(s) })
	return len(c.Value)
}

// BenchmarkSessionInMemory reports how much of the heap a session with 300 bytes
// of data takes in memstore.
func BenchmarkSessionInMemory(b *testing.B) {
	store := memstore.New(memstore.Options{})
	before := heap()
	for b.Loop() {
		id := make([]byte, 32)
		_, _ = rand.Read(id) // never fails
		r := sessionstore.Record{Data: make([]byte, 300), Expires: time.Now().Add(time.Hour), Version: 1}
		if err := store.Create(b.Context(), base64.RawURLEncoding.EncodeToString(id), r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/float64(b.N), "B/session")
	runtime.KeepAlive(store)
}

// heap returns the bytes in use, after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
