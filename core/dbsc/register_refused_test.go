package dbsc_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
)

// TestWhoRegistersSecondIsRefused: whoever has got hold of the offer, or of the cookie,
// can't replace the visitor's key.
func TestWhoRegistersSecondIsRefused(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	res := b.send(http.MethodGet, "/login/ann")
	b.take(res)
	offer := b.offered
	b.register(offer)
	thief := b.steal()
	thief.signer = ecKey(t)
	want(t, http.StatusForbidden, thief.register(offer), "the same offer, before the first proof")
	b.visit("/")
	thief = b.steal()
	thief.signer = b.signer
	want(t, http.StatusForbidden, thief.register(offer), "the browser's own registration, sent again")
	thief.signer = ecKey(t)
	want(t, http.StatusForbidden, thief.register(offer), "the same offer")
	thief.offered = ""
	if thief.take(thief.send(http.MethodGet, "/offer")); thief.offered != "" {
		want(t, http.StatusForbidden, thief.register(thief.offered), "another offer")
	}
	want(t, http.StatusOK, b.visit("/vault"), "the visitor")
}

func TestRegistrationsThatProveNothingAreRefused(t *testing.T) {
	t.Parallel()
	key := ecKey(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ec, large := jwkOf(t, key.Public()), jwkOf(t, rsaKey().Public())
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	with := func(jwk map[string]any, name string, value any) map[string]any {
		jwk = maps.Clone(jwk)
		jwk[name] = value
		return jwk
	}
	x, n := fmt.Sprint(ec["x"]), fmt.Sprint(large["n"])
	zero := strings.Repeat("A", 43)
	even := number(new(big.Int).Lsh(big.NewInt(1), 2047))
	p := elliptic.P256().Params().P
	huge := new(big.Int).Lsh(big.NewInt(1), 20_000)
	huge.SetBit(huge, 0, 1)
	for name, c := range map[string]struct {
		header  map[string]any
		payload any
		signer  crypto.Signer
		status  int
	}{
		"alg none":               {map[string]any{"alg": "none", "jwk": ec}, nil, key, 400},
		"alg missing":            {map[string]any{"alg": nil, "jwk": ec}, nil, key, 400},
		"HS256":                  {map[string]any{"alg": "HS256", "jwk": ec}, nil, key, 400},
		"ES384":                  {map[string]any{"alg": "ES384", "jwk": ec}, nil, key, 400},
		"es256 in small letters": {map[string]any{"alg": "es256", "jwk": ec}, nil, key, 400},
		"typ JWT":                {map[string]any{"typ": "JWT", "jwk": ec}, nil, key, 400},
		"Typ, and no typ":        {map[string]any{"typ": nil, "Typ": "dbsc+jwt", "jwk": ec}, nil, key, 400},
		"an extension":           {map[string]any{"crit": []string{"x"}, "jwk": ec}, nil, key, 400},
		"no key":                 {map[string]any{}, nil, key, 400},
		"key is a text":          {map[string]any{"jwk": "key"}, nil, key, 400},
		"key of another type":    {map[string]any{"jwk": large}, nil, key, 400},
		"key for RS256 of P-256": {map[string]any{"alg": "RS256", "jwk": ec}, nil, key, 400},
		"shared secret":          {map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AAAA"}}, nil, key, 400},
		"private key":            {map[string]any{"jwk": with(ec, "d", "AAAA")}, nil, key, 400},
		"P-384":                  {map[string]any{"jwk": with(ec, "crv", "P-384")}, nil, key, 400},
		"off the curve":          {map[string]any{"jwk": with(ec, "x", ec["y"])}, nil, key, 400},
		"the point 0, 0":         {map[string]any{"jwk": with(with(ec, "x", zero), "y", zero)}, nil, key, 400},
		"a coordinate over p":    {map[string]any{"jwk": with(ec, "x", number(p))}, nil, key, 400},
		"a short coordinate":     {map[string]any{"jwk": with(ec, "x", "AAAA")}, nil, key, 400},
		"a huge coordinate":      {map[string]any{"jwk": with(ec, "x", number(huge))}, nil, key, 400},
		"a coordinate, padded":   {map[string]any{"jwk": with(ec, "x", x+"=")}, nil, key, 400},
		"RSA of 1024 bits":       {map[string]any{"alg": "RS256", "jwk": jwkOf(t, small.Public())}, nil, small, 400},
		"RSA of 20,000 bits":     {map[string]any{"alg": "RS256", "jwk": with(large, "n", number(huge))}, nil, rsaKey(), 400},
		"an even modulus":        {map[string]any{"alg": "RS256", "jwk": with(large, "n", even)}, nil, rsaKey(), 400},
		"a modulus after zeros":  {map[string]any{"alg": "RS256", "jwk": with(large, "n", "AAAA"+n)}, nil, rsaKey(), 400},
		"exponent 1":             {map[string]any{"alg": "RS256", "jwk": with(large, "e", "AQ")}, nil, rsaKey(), 400},
		"exponent 3":             {map[string]any{"alg": "RS256", "jwk": with(large, "e", "Aw")}, nil, rsaKey(), 400},
		"a huge exponent":        {map[string]any{"alg": "RS256", "jwk": with(large, "e", number(huge))}, nil, rsaKey(), 400},
		"no exponent":            {map[string]any{"alg": "RS256", "jwk": with(large, "e", nil)}, nil, rsaKey(), 400},
		"foreign key":            {map[string]any{"jwk": jwkOf(t, ecKey(t).Public())}, nil, key, 403},
		"no challenge":           {map[string]any{"jwk": ec}, map[string]any{}, key, 400},
		"challenge is a number":  {map[string]any{"jwk": ec}, map[string]any{"jti": 1}, key, 400},
		"another challenge":      {map[string]any{"jwk": ec}, map[string]any{"jti": "AAAA"}, key, 403},
		"a payload that is none": {map[string]any{"jwk": ec}, []string{"jti"}, key, 400},
		"the right one":          {map[string]any{"jwk": ec}, nil, key, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newSite(t)
			b := st.browser(nil)
			b.visit("/login/ann")
			header := map[string]any{"typ": "dbsc+jwt", "alg": "ES256"}
			maps.Copy(header, c.header)
			maps.DeleteFunc(header, func(_ string, v any) bool { return v == nil })
			if c.payload == nil {
				c.payload = map[string]any{"jti": b.offered}
			}
			res := b.send(http.MethodPost, dbsc.DefaultPath, response, sign(t, header, c.payload, c.signer))
			want(t, c.status, b.take(res), name)
			if got := res.Header.Get(challenge); (got != "") != (c.status == http.StatusOK) {
				t.Errorf("challenge %q", got)
			}
			want(t, http.StatusOK, b.visit("/vault"), "the visitor goes on")
			if n := len(st.seen(dbsc.EventProofRefused)); (n == 1) != (c.status != http.StatusOK) {
				t.Errorf("%d events", n)
			}
		})
	}
}

// TestWhatIsNoRegistrationIsRefused sends what is malformed beside a good registration.
func TestWhatIsNoRegistrationIsRefused(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser(nil)
	b.visit("/login/ann")
	b.signer = ecKey(t)
	good := b.proof(b.offered, true)
	head, rest, _ := strings.Cut(good, ".")
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"nothing":                 {nil, 400},
		"empty":                   {[]string{response, ""}, 400},
		"an empty String":         {[]string{response, `""`}, 400},
		"twice":                   {[]string{response, good, response, good}, 400},
		"a list":                  {[]string{response, `"` + good + `", "` + good + `"`}, 400},
		"a String that is open":   {[]string{response, `"` + good}, 400},
		"a parameter, malformed":  {[]string{response, `"` + good + `";A=1`}, 400},
		"a megabyte":              {[]string{response, strings.Repeat("A", 1<<20)}, 400},
		"two parts":               {[]string{response, head}, 400},
		"four parts":              {[]string{response, good + "." + head}, 400},
		"no signature":            {[]string{response, good[:strings.LastIndex(good, ".")+1]}, 403},
		"another signature":       {[]string{response, good[:len(good)-10] + "AAAAAAAAAA"}, 403},
		"a longer signature":      {[]string{response, good + "AAAA"}, 403},
		"no header":               {[]string{response, "." + rest}, 400},
		"a header that is null":   {[]string{response, "bnVsbA." + rest}, 400},
		"a header that is a list": {[]string{response, "W10." + rest}, 400},
		"a header, padded":        {[]string{response, head + "=." + rest}, 400},
	} {
		want(t, c.status, b.send(http.MethodPost, dbsc.DefaultPath, c.header...), name)
	}
	want(t, http.StatusMethodNotAllowed, b.send(http.MethodGet, dbsc.DefaultPath, response, good), "GET")
	want(t, http.StatusBadRequest, b.send(http.MethodPost, dbsc.DefaultPath, response, `'`+good), "a quote of another kind")
	const parameters = `;a;b="c";d=?1;e=:AA==:;f=-1.5;g=@1;h=%"%c3%bc";i=tok`
	want(t, http.StatusOK, b.send(http.MethodPost, dbsc.DefaultPath, response, ` "`+good+`"`+parameters+" "), "a String")
	want(t, http.StatusOK, b.send(http.MethodPost, dbsc.DefaultPath, response, good), "the same again")
}

// TestABodyOfAMegabyteIsNotRead: what is sent there is no proof.
func TestABodyOfAMegabyteIsNotRead(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	body := &countingReader{left: 1 << 20}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, dbsc.DefaultPath, body)
	r.ContentLength = 1 << 20
	calls := st.store.calls.Load()
	w := httptest.NewRecorder()
	st.handler.ServeHTTP(w, r)
	want(t, http.StatusRequestEntityTooLarge, w.Result(), "a body")
	if body.left != 1<<20 || st.store.calls.Load() != calls {
		t.Error("it was read, or the store was asked")
	}
}

type countingReader struct{ left int }

func (r *countingReader) Read(p []byte) (int, error) {
	n := min(len(p), r.left)
	r.left -= n
	return n, nil
}

func TestAnOfferIsNobodyElses(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	for name, prepare := range map[string]func(victim, thief *browser){
		"nobody signed in":             func(*browser, *browser) {},
		"an anonymous visitor":         func(_, thief *browser) { thief.visit("/silent/eve"); thief.visit("/logout") },
		"another account":              func(_, thief *browser) { thief.visit("/silent/eve") },
		"another session of ann's":     func(_, thief *browser) { thief.visit("/silent/ann") },
		"the same browser, signed out": func(victim, thief *browser) { victim.visit("/logout"); thief.jar = victim.jar },
		"a copy, after ann signed out": func(victim, thief *browser) { thief.jar = victim.steal().jar; victim.visit("/logout") },
		"ann, signed in again":         func(victim, thief *browser) { victim.visit("/silent/ann"); thief.jar = victim.jar },
		"bob in ann's browser":         func(victim, thief *browser) { victim.visit("/silent/bob"); thief.jar = victim.jar },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			victim, thief := st.browser(nil), st.browser(nil)
			victim.visit("/login/ann")
			prepare(victim, thief)
			thief.signer = ecKey(t)
			want(t, http.StatusForbidden, thief.register(victim.offered), "registering")
		})
	}
}

// TestARegistrationThatComesTwiceReplacesNoLaterOne: the browser goes on with the later key,
// and what is on its way for the earlier one must not bind the login to that.
func TestARegistrationThatComesTwiceReplacesNoLaterOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.browser(nil)
		b.visit("/login/ann")
		first := b.offered
		<-time.After(time.Second)
		b.visit("/offer")
		b.signer = ecKey(t)
		registration := b.proof(first, true)
		want(t, http.StatusOK, b.register(first), "the first offer")
		proof := b.proof(b.next, false)
		b.signer = ecKey(t)
		want(t, http.StatusOK, b.register(b.offered), "the second offer")
		b.offered = ""
		want(t, http.StatusForbidden, b.send(http.MethodPost, dbsc.DefaultPath, response, registration), "the first once more")
		want(t, http.StatusForbidden, b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, proof), "a proof for the first")
		wantStatus(t, dbsc.Bound, b.visit("/vault"), "the browser")
	})
}

// TestALateAnswerToAnEarlierRegistrationReplacesNoKey: a browser keeps one key under each
// identifier, the one of the answer that came last.
func TestALateAnswerToAnEarlierRegistrationReplacesNoKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.browser(nil)
		b.visit("/login/ann")
		<-time.After(time.Second)
		early := *b // the same browser, with a key of its own for each offer
		b.visit("/offer")
		early.signer, b.signer = ecKey(t), ecKey(t)
		late := early.send(http.MethodPost, dbsc.DefaultPath, response, early.proof(early.offered, true))
		want(t, http.StatusOK, late, "the first offer")
		want(t, http.StatusOK, b.register(b.offered), "the second offer")
		b.offered = ""
		wantStatus(t, dbsc.Bound, b.visit("/vault"), "with the second key")
		if early.registered(late); early.id == b.id {
			t.Error("the late answer replaces the key that the login is bound to")
		}
		want(t, http.StatusServiceUnavailable, early.refresh(), "with the first key")
		want(t, http.StatusOK, b.refresh(), "with the second key")
	})
}
