package migrate

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// request returns a request that brings cookies.
func request(tb testing.TB, cookies ...*http.Cookie) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/", http.NoBody)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestARequestWithoutTheCookieBringsNone(t *testing.T) {
	t.Parallel()
	for _, r := range []*http.Request{
		request(t),
		request(t, &http.Cookie{Name: "other", Value: "x"}),
		request(t, &http.Cookie{Name: "session", Value: ""}),
	} {
		if _, err := (Flask{Keys: []string{"k"}}).Read(r); !errors.Is(err, ErrNone) {
			t.Errorf("Read of %q: %v", r.Header["Cookie"], err)
		}
	}
}

func TestOfSeveralCookiesTheFirstGoodOneCounts(t *testing.T) {
	t.Parallel()
	f := Flask{Keys: []string{"k"}}
	cookie := func(user string) *http.Cookie {
		value, err := f.Encode(Values{"user": user})
		if err != nil {
			t.Fatal(err)
		}
		return &http.Cookie{Name: "session", Value: value}
	}
	bad := &http.Cookie{Name: "session", Value: "bad"}
	legacy, err := f.Read(request(t, bad, cookie("first"), cookie("second")))
	if err != nil || legacy.Values["user"] != "first" {
		t.Errorf("Read = %v, %v", legacy.Values, err)
	}
	many := make([]*http.Cookie, maxCookies, maxCookies+1)
	for i := range many {
		many[i] = bad
	}
	if _, err := f.Read(request(t, append(many, cookie("late"))...)); !errors.Is(err, ErrRefused) {
		t.Errorf("behind %d bad cookies: %v", maxCookies, err)
	}
}

func TestAnOutageOfTheRecordsIsNoRefusal(t *testing.T) {
	t.Parallel()
	down := failing{errors.New("connection refused")}
	express := Express{Keys: []string{"k"}, Records: down}
	value, _, err := express.Encode("id", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	cookie := &http.Cookie{Name: "connect.sid", Value: value}
	for _, r := range []*http.Request{request(t, cookie), request(t, cookie, &http.Cookie{Name: "connect.sid", Value: "bad"})} {
		_, err := express.Read(r)
		if !errors.Is(err, down.err) || errors.Is(err, ErrRefused) || errors.Is(err, ErrNone) {
			t.Errorf("Read: %v", err)
		}
	}
}

// failing are records that can't be read.
type failing struct{ err error }

func (f failing) Load(context.Context, string) ([]byte, error) { return nil, f.err }
func (f failing) Delete(context.Context, string) error         { return f.err }

func TestTheExpiredCookieHasTheAttributesOfTheOld(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		source Source
		want   string
	}{
		{Flask{}, "session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"},
		{
			Starlette{Cookie: http.Cookie{Name: "s", Path: "/app", Domain: "example.com", Secure: true, SameSite: http.SameSiteLaxMode}},
			"s=; Path=/app; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; Secure; SameSite=Lax",
		},
		{
			FastSession{Cookie: http.Cookie{Secure: true, HttpOnly: true}},
			"sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure",
		},
		{Express{}, "connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"},
		{SCS{}, "session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"},
		{
			Gorilla{Cookie: http.Cookie{Name: "shop", Secure: true, Partitioned: true}},
			"shop=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; Secure; Partitioned",
		},
	} {
		if got := tc.source.Expired().String(); got != tc.want {
			t.Errorf("%T: %q, want %q", tc.source, got, tc.want)
		}
	}
}

func TestTheReasonForARefusalHoldsNothingOfTheCookie(t *testing.T) {
	t.Parallel()
	secret := "c2VjcmV0IHRoaW5ncw"
	for _, s := range sources(records{}) {
		name := s.Expired().Name
		for _, value := range []string{secret, secret + "." + secret + "." + secret, "s%3A" + secret + "." + secret} {
			_, err := s.Read(request(t, &http.Cookie{Name: name, Value: value}))
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%T: %v", s, err)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%T tells the log %v", s, err)
			}
		}
	}
}

// sources returns one of each kind, on records.
func sources(r records) []Source {
	keys := []string{"a key of no particular length"}
	return []Source{
		Flask{Keys: keys},
		FlaskSession{Keys: keys, Records: r},
		FlaskSession{Records: r},
		Starlette{Keys: keys},
		Starsessions{Keys: keys},
		Starsessions{Records: r},
		FastSession{Keys: keys, Records: r},
		Express{Keys: keys, Records: r},
		SCS{Store: scsStore(r)},
		Gorilla{Keys: [][]byte{[]byte(keys[0])}, Cookie: http.Cookie{Name: "shop"}},
		Gorilla{Keys: [][]byte{[]byte(keys[0])}, Cookie: http.Cookie{Name: "shop"}, Records: r},
	}
}

// A scsStore is a store of scs, whose methods know no context.
type scsStore records

func (s scsStore) Find(token string) ([]byte, bool, error) {
	record, ok := s[token]
	return []byte(record), ok, nil
}

func (s scsStore) Delete(token string) error {
	delete(s, token)
	return nil
}

func TestASourceWithoutKeysAcceptsNothing(t *testing.T) {
	t.Parallel()
	value := itsdangerous.Signer{Keys: []string{""}}.SignAt("e30=", time.Now())
	if _, err := (Starlette{}).Read(request(t, &http.Cookie{Name: "session", Value: value})); !errors.Is(err, ErrRefused) {
		t.Errorf("Read: %v", err)
	}
}

// goRedis looks like a client of go-redis.
type goRedis struct{ values map[string]string }

type (
	stringCmd struct {
		value string
		err   error
	}
	intCmd struct{ err error }
)

func (c *stringCmd) Bytes() ([]byte, error) { return []byte(c.value), c.err }
func (c *intCmd) Err() error                { return c.err }

var errRedisNil = errors.New("redis: nil")

func (c *goRedis) Get(_ context.Context, key string) *stringCmd {
	value, ok := c.values[key]
	if !ok {
		return &stringCmd{err: errRedisNil}
	}
	return &stringCmd{value: value}
}

func (c *goRedis) Del(_ context.Context, keys ...string) *intCmd {
	for _, key := range keys {
		delete(c.values, key)
	}
	return &intCmd{}
}

func TestAClientOfGoRedisFindsRecords(t *testing.T) {
	t.Parallel()
	r := Redis(&goRedis{values: map[string]string{"key": "value"}}, errRedisNil)
	if got, err := r.Load(t.Context(), "key"); string(got) != "value" || err != nil {
		t.Errorf("Load = %q, %v", got, err)
	}
	if err := r.Delete(t.Context(), "key"); err != nil {
		t.Error(err)
	}
	if _, err := r.Load(t.Context(), "key"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Load after Delete: %v", err)
	}
}
