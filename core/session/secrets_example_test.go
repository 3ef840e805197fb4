package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func ExampleGenerateKey() {
	key := session.GenerateKey()
	text := session.FormatKey(key) // what goes into the secret store
	fmt.Println(len(key), "bytes,", len(text), "characters")
	// Output:
	// 32 bytes, 43 characters
}

// A key is replaced by putting the new one in front. The old one stays until
// the sessions from its time have ended.
func ExampleParseKeys() {
	// In production, the text comes from os.Getenv or a secret store.
	const text = "s9tUH_zqxhqgHrVDO6LQdCrcz6eWVfx5y7GDgLDRMEk,Yj4zNoGpJ2QpVsmDDmZhu6PRVnHsG7r2TqRqHj0mu5k"
	keys, err := session.ParseKeys(text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(keys), "keys, the first one signs")

	_, err = session.ParseKeys("secret")
	fmt.Println(err)
	// Output:
	// 2 keys, the first one signs
	// session: key 1 has 4 bytes, at least 32 are needed; make one with GenerateKey
}

// The ring that Options.Keys makes, for signing something else.
func ExampleNewSigner() {
	previous, current := session.GenerateKey(), session.GenerateKey()
	before, err := session.NewSigner(previous)
	if err != nil {
		log.Fatal(err)
	}
	now, err := session.NewSigner(current, previous)
	if err != nil {
		log.Fatal(err)
	}
	message := []byte("unsubscribe account-1001")
	signature := before.Sign("newsletter", message)
	fmt.Println("after rotation:", now.Verify("newsletter", message, signature))
	fmt.Println("for another purpose:", now.Verify("password reset", message, signature))
	fmt.Println("with the new key:", before.Verify("newsletter", message, now.Sign("newsletter", message)))
	// Output:
	// after rotation: true
	// for another purpose: false
	// with the new key: false
}

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

// Where somebody is signed in, and an end to all of it.
func ExampleListSubject() {
	store := memstore.New(memstore.Options{})
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("GET /", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprint(w, s.Subject())
	}))
	browse(mux, "POST /login", "GET /") // on the phone
	browse(mux, "POST /login", "GET /") // on the laptop

	ctx := context.Background()
	entries, err := sessionstore.ListSubject(ctx, store, "account-1001")
	if err != nil {
		log.Fatal(err) // ErrUnsupported where the backend has no such list
	}
	fmt.Println("signed in on", len(entries), "devices")

	ended, err := sessionstore.DeleteSubject(ctx, store, "account-1001")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed out on", ended)
	// Output:
	// POST /login: 200
	// GET /: 200 account-1001
	// POST /login: 200
	// GET /: 200 account-1001
	// signed in on 2 devices
	// signed out on 2
}
