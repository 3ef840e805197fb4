package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Requests that need no session and should not cost one: probes, machines.
func ExampleSkipHeader() {
	probe := session.SkipHeader("User-Agent", "kube-probe/1.34")
	machine := session.SkipHeader("X-Api-Key", "*") // whatever its value

	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
	r.Header.Set("X-Api-Key", "5f2c")
	fmt.Println(probe(r), machine(r))
	// Output:
	// false true
}

func ExampleSkipPath() {
	static := session.SkipPath("/static/")
	for _, target := range []string{"/static/app.js", "/static/../admin", "/"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, http.NoBody)
		fmt.Println(target, static(r))
	}
	// Output:
	// /static/app.js true
	// /static/../admin false
	// / false
}
