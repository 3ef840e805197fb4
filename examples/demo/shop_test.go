package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
)

func TestSecureCookie(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		secure bool
		want   string
	}{
		{true, "__Host-session= Path=/ HttpOnly Secure SameSite=Lax"},
		{false, "session= Path=/ HttpOnly SameSite=Lax"},
	} {
		sh := makeShop(t, settings{store: memstore.New(memstore.Options{}), secure: tt.secure})
		w := httptest.NewRecorder()
		sh.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/visits", http.NoBody))
		var got []string
		for i, part := range strings.Split(w.Header().Get("Set-Cookie"), "; ") {
			name, _, _ := strings.Cut(part, "=")
			if i == 0 {
				part = name + "=" // the ticket is another one each time
			}
			got = append(got, part)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("secure %t: cookie %q, want %q", tt.secure, got, tt.want)
		}
	}
}
