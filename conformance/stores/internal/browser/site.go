package browser

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Serve runs a handler until the test ends, over https if secure, and returns the
// port. Every host name with this port leads there.
func Serve(tb testing.TB, secure bool, h http.Handler) (port string) {
	tb.Helper()
	s := httptest.NewUnstartedServer(h)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	tb.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// certificatePin names the public key of the servers' certificate, which is the
// same for all of them. It is the only one that the browser takes unverified.
func certificatePin() string {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}
