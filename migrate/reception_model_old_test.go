package migrate_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate"
)

const oldCookie = "connect.sid"

var modelFlask = migrate.Flask{Keys: []string{"a secret"}, Cookie: http.Cookie{Name: oldCookie}}

// begin begins a session over there, and returns its cookie.
func (m *model) begin(user, item string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := fmt.Sprintf("old%d", len(m.users))
	cookie := "s:" + m.express.Sign(id)
	if m.site.inCookie {
		cookie = flaskCookie(m.t, migrate.Values{"user": user, "cart": []any{item}, "id": id})
	} else {
		m.records.Store("sess:"+id, fmt.Appendf(nil, `{"cookie":{},"user":%q,"cart":[%q]}`, user, item))
	}
	m.users[cookie] = user
	return cookie
}

// old makes a request to the old application, whose answer may be lost. What it writes to a
// record changes nothing here, but a cookie that it writes is another one then.
func (b *modelBrowser) old(do, with string) {
	m := b.m
	q := b.asks(do, with)
	m.stop(m.t.Context(), 100*time.Millisecond)
	cookie := q.cookies[oldCookie]
	switch {
	case do == "old sign in":
		cookie = m.begin(with, b.item())
	case do == "old sign out":
		id, _, _ := strings.Cut(strings.TrimPrefix(cookie, "s:"), ".")
		m.records.Delete("sess:" + id)
		cookie = ""
	case cookie != "":
		m.mu.Lock()
		user := m.users[cookie]
		m.mu.Unlock()
		cookie = m.begin(user, b.item())
	}
	q.handled = time.Now()
	if m.one(8) {
		return
	}
	m.stop(m.t.Context(), 100*time.Millisecond)
	b.mu.Lock()
	defer b.mu.Unlock()
	if delete(b.jar, oldCookie); cookie != "" {
		b.jar[oldCookie] = cookie
	}
}

// modelRecords are the old application's.
type modelRecords struct{ *model }

func (m modelRecords) Load(ctx context.Context, key string) (value []byte, err error) {
	if m.one(20) {
		m.stop(ctx, 3*time.Second)
	}
	err = m.call(ctx, "read the old record", m.site.recordsFail, func(context.Context) error {
		v, _ := m.records.Load(key)
		if value, _ = v.([]byte); value == nil {
			return migrate.ErrNotFound
		}
		return nil
	})
	return value, err
}

func (m modelRecords) Delete(ctx context.Context, key string) error {
	return m.call(ctx, "delete the old record", m.site.recordsFail, func(context.Context) error {
		m.records.Delete(key)
		return nil
	})
}
