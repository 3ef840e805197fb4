package migrate_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// A visitor who is signed in to an application in Flask comes to ours.
func Example() {
	old := migrate.Flask{Keys: []string{"Flask's SECRET_KEY"}}
	basket := session.NewKey[[]string]("cart")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	reception, err := migrate.NewReception(sessions, migrate.Options{
		Sources: []migrate.Source{old},
		Subject: func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user_id") },
		Values: func(old migrate.Legacy, s *session.Session) error {
			return migrate.Move(old.Values, "cart", basket, s)
		},
		Until: time.Now().Add(31 * 24 * time.Hour),
	})
	if err != nil {
		log.Fatal(err)
	}
	page := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(w, "%s has %q", s.Subject(), basket.Get(s))
	})
	site := sessions.Handler(reception.Handler(page))

	cookie, err := old.Encode(migrate.Values{"user_id": "ann", "cart": []string{"coat", "hat"}})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
	r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	fmt.Println(w.Body)
	for _, c := range w.Result().Cookies() {
		fmt.Println(c.Name, c.MaxAge)
	}
	// Output:
	// ann has ["coat" "hat"]
	// session -1
	// __Host-session 0
}
