package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/frameworks/internal/check"
)

func TestSessionsWorkInHandlers(t *testing.T) {
	t.Parallel()
	check.Handler(t, newHandler)
}

// Context.Stream panics with a ResponseWriter that lacks http.CloseNotifier.
func TestStreamsWork(t *testing.T) {
	t.Parallel()
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	router := gin.New()
	router.GET("/", func(c *gin.Context) {
		s, err := sessions.Get(c.Request)
		if err != nil {
			t.Error(err)
			return
		}
		visits.Set(s, 1)
		left := 3
		c.Stream(func(w io.Writer) bool {
			_, _ = io.WriteString(w, strconv.Itoa(left))
			left--
			return left > 0
		})
	})
	server := httptest.NewServer(sessions.Handler(router))
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "321" || len(res.Cookies()) != 1 {
		t.Errorf("%q, %v, with %d cookies; want a countdown and one", body, err, len(res.Cookies()))
	}
}
