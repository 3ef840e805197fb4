package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// Cart names a value in the session and says of which type it is.
var Cart = session.NewKey[[]string]("cart")

func Example() {
	store := memstore.New(memstore.Options{})
	keys := [][]byte{session.GenerateKey()} // in production: session.ParseKeys(os.Getenv("CLOAKROOM_KEYS"))
	sessions, err := session.New(store, session.Options{Keys: keys})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.Handle("POST /cart/{item}", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		Cart.Update(s, func(items []string) []string { return append(items, r.PathValue("item")) })
	}))
	mux.Handle("GET /cart", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprint(w, Cart.Get(s))
	}))
	// In a server, mux is what http.ListenAndServe gets.

	fmt.Println("One visitor")
	browse(mux, "POST /cart/tea", "POST /cart/milk", "GET /cart")
	fmt.Println("Another one")
	browse(mux, "GET /cart")
	// Output:
	// One visitor
	// POST /cart/tea: 200
	// POST /cart/milk: 200
	// GET /cart: 200 [tea milk]
	// Another one
	// GET /cart: 200 []
}

// browse sends requests as one browser does, with a cookie jar and over https,
// and prints what is answered.
func browse(site http.Handler, requests ...string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, request := range requests {
		method, path, _ := strings.Cut(request, " ")
		r := httptest.NewRequestWithContext(context.Background(), method, "https://shop.example"+path, http.NoBody)
		for _, c := range jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		response := w.Result()
		jar.SetCookies(r.URL, response.Cookies())
		fmt.Println(strings.TrimSpace(fmt.Sprint(request, ": ", response.StatusCode, " ", w.Body)))
	}
}
