package session_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// strictJSON refuses values that have a field which their type no longer has,
// where encoding/json drops the field.
type strictJSON struct{ session.Codec }

func (strictJSON) Unmarshal(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// A codec of one's own. A value that it doesn't decode counts as absent.
func ExampleCodec() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:   [][]byte{session.GenerateKey()},
		Codec:  strictJSON{session.JSON},
		Logger: slog.New(slog.DiscardHandler), // that a value does not decode is logged
	})
	if err != nil {
		log.Fatal(err)
	}
	type preferences struct{ Theme string }
	type preferencesLastYear struct{ Theme, Font string }
	mux := http.NewServeMux()
	mux.Handle("POST /lastyear", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		session.NewKey[preferencesLastYear]("preferences").Set(s, preferencesLastYear{"dark", "serif"})
	}))
	mux.Handle("GET /today", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		_, ok := session.NewKey[preferences]("preferences").Lookup(s)
		fmt.Fprint(w, ok)
	}))

	browse(mux, "POST /lastyear", "GET /today")
	// Output:
	// POST /lastyear: 200
	// GET /today: 200 false
}
