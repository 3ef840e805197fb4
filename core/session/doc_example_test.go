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
	mux.HandleFunc("POST /cart/{item}", func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.Get(r)
		if err != nil { // the store can't answer
			sessions.Fail(w, r, err)
			return
		}
		Cart.Update(s, func(items []string) []string { return append(items, r.PathValue("item")) })
	})
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.Get(r)
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, Cart.Get(s))
	})
	site := sessions.Handler(mux) // for http.ListenAndServe(":8080", site)

	fmt.Println("One visitor")
	browse(site, "POST /cart/tea", "POST /cart/milk", "GET /cart")
	fmt.Println("Another one")
	browse(site, "GET /cart")
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
