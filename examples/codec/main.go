// Codec keeps the values of sessions as CBOR (RFC 8949), which is shorter than JSON.
//
//	go run ./examples/codec
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A codec has the Marshal of the one and the Unmarshal of the other.
type codec struct {
	cbor.EncMode
	cbor.DecMode
}

// newCodec returns a [session.Codec]. Equal values have equal encodings, by which
// Key.Update sees that nothing has changed. Decoding is bounded in depth and in
// elements, and refuses what can be read in two ways.
func newCodec() (session.Codec, error) {
	encoding := cbor.CoreDetEncOptions()
	encoding.Time = cbor.TimeRFC3339Nano // the default leaves out fractions of a second
	enc, err := encoding.EncMode()
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	dec, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("decoding: %w", err)
	}
	return codec{enc, dec}, nil
}

var lastVisit = session.NewKey[time.Time]("last visit")

func main() {
	handler, err := newHandler()
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8081", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Print("http://", server.Addr, " tells your last visit")
	log.Fatal(server.ListenAndServe())
}

func newHandler() (http.Handler, error) {
	c, err := newCodec()
	if err != nil {
		return nil, err
	}
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys: [][]byte{session.GenerateKey()}, Codec: c,
	})
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return sessions.HandlerFunc(visit), nil
}

func visit(w http.ResponseWriter, _ *http.Request, s *session.Session) {
	last := lastVisit.Get(s)
	lastVisit.Set(s, time.Now()) // before the first byte: the change goes with the header
	fmt.Fprintln(w, "last visit:", last)
}
