package migrate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate"
)

const oldCookie = "connect.sid"

var stormFlask = migrate.Flask{Keys: []string{"a secret"}, Cookie: http.Cookie{Name: oldCookie}}

func (w *storm) source() migrate.Source {
	if w.site.inCookie {
		return stormFlask
	}
	return w.express
}

// begin begins a session over there, and returns its cookie.
func (w *storm) begin(user, item string) string {
	w.mu.Lock()
	w.begun++
	id := fmt.Sprintf("old%d", w.begun)
	if user != "" {
		w.signIns[user]++
	}
	w.mu.Unlock()
	if w.site.inCookie {
		value, err := stormFlask.Encode(migrate.Values{"user": user, "cart": []any{item}, "id": id})
		if err != nil {
			w.t.Fatal(err)
		}
		return value
	}
	w.records.set("sess:"+id, fmt.Sprintf(`{"cookie":{},"user":%q,"cart":[%q]}`, user, item))
	return "s:" + w.express.Sign(id)
}

// old makes a request to the old application, whose answer may be lost.
func (w *storm) old(b *stormBrowser, do, with string) {
	q := b.asks("old "+do, with)
	<-time.After(w.dice.upTo(100 * time.Millisecond))
	cookie := q.cookies[oldCookie]
	key, _, _ := strings.Cut(strings.TrimPrefix(cookie, "s:"), ".")
	key = "sess:" + key
	switch do {
	case "sign in":
		cookie = w.begin(with, b.item())
	case "sign out":
		w.records.remove(key)
		cookie = ""
	case "write":
		cookie = w.write(b, key, cookie)
	}
	q.handled = time.Now()
	if w.dice.one(8) {
		return
	}
	<-time.After(w.dice.upTo(100 * time.Millisecond))
	q.delivered = time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if delete(b.jar, oldCookie); cookie != "" {
		b.jar[oldCookie] = cookie
	}
}

// write writes the session that it has read, as a whole, and returns its cookie.
func (w *storm) write(b *stormBrowser, key, cookie string) string {
	if cookie != "" && w.site.inCookie {
		r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/", http.NoBody)
		r.AddCookie(&http.Cookie{Name: oldCookie, Value: cookie})
		old, err := stormFlask.Read(r)
		if err != nil {
			w.t.Fatal(err)
		}
		user, _ := migrate.Value[string](old.Values, "user")
		return w.begin(user, b.item())
	}
	if text, ok := w.records.get(key); ok {
		<-time.After(w.dice.upTo(200 * time.Millisecond))
		var values map[string]any
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			w.t.Fatal(err)
		}
		values["n"] = w.dice.n(1000)
		out, err := json.Marshal(values)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, ok := w.records.get(key); ok {
			w.records.set(key, string(out))
		}
	}
	return cookie
}
