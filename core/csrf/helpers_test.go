package csrf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

const (
	fieldName  = csrf.DefaultFieldName
	headerName = csrf.DefaultHeaderName
	formType   = "application/x-www-form-urlencoded"
)

// A site is an application with forms, under a server of its own. When its test
// ends, it checks that no token was logged.
type site struct {
	tb         testing.TB
	server     *httptest.Server
	store      *countingStore
	sessions   *session.Manager
	protection *csrf.Protection
	logs       *syncBuffer
	posted     func(http.ResponseWriter, *http.Request) // what POST /act runs

	mu    sync.Mutex
	given []string // all tokens
}

func newSite(tb testing.TB, configure ...func(*csrf.Options)) *site {
	tb.Helper()
	st := &site{tb: tb, store: &countingStore{Store: memstore.New(memstore.Options{})}, logs: &syncBuffer{}}
	logger := slog.New(slog.NewTextHandler(st.logs, nil))
	var err error
	st.sessions, err = session.New(st.store, session.Options{Keys: [][]byte{session.GenerateKey()}, Logger: logger})
	if err != nil {
		tb.Fatal(err)
	}
	o := csrf.Options{Logger: logger}
	for _, f := range configure {
		f(&o)
	}
	if st.protection, err = csrf.New(st.sessions, o); err != nil {
		tb.Fatal(err)
	}
	st.server = httptest.NewTLSServer(st.handler())
	tb.Cleanup(func() {
		st.server.Close()
		st.checkLogs()
	})
	return st
}

func (st *site) checkLogs() {
	logged := st.logs.String()
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, token := range st.given {
		if strings.Contains(logged, token) {
			st.tb.Errorf("a token was logged: %s", token)
		}
	}
}

// handler returns the site: a page with a token, actions, and what moves the
// session on, which answers with a new token.
func (st *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /form", st.showToken)
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plain") })
	mux.HandleFunc("/act", func(w http.ResponseWriter, r *http.Request) {
		if st.posted != nil {
			st.posted(w, r)
			return
		}
		fmt.Fprint(w, "done")
	})
	for path, f := range map[string]func(*session.Session){
		"POST /login":  func(s *session.Session) { s.Authenticate("ann") },
		"POST /renew":  (*session.Session).Renew,
		"POST /logout": (*session.Session).Destroy,
	} {
		mux.Handle(path, st.sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			f(s)
			st.showToken(w, r)
		}))
	}
	return st.sessions.Handler(st.protection.Handler(mux))
}

func (st *site) showToken(w http.ResponseWriter, r *http.Request) {
	token, err := st.protection.Token(r)
	if err != nil {
		st.sessions.Fail(w, r, err)
		return
	}
	st.mu.Lock()
	st.given = append(st.given, token)
	st.mu.Unlock()
	fmt.Fprint(w, token)
}

// A browser keeps cookies.
type browser struct {
	st     *site
	client *http.Client
}

func (st *site) browser() *browser {
	st.tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		st.tb.Fatal(err)
	}
	return &browser{st, &http.Client{Transport: st.server.Client().Transport, Jar: jar}}
}

// do sends a request and returns the response with its body.
func (b *browser) do(method, path, contentType, body string, header ...string) (*http.Response, string) {
	b.st.tb.Helper()
	r, err := http.NewRequestWithContext(b.st.tb.Context(), method, b.st.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.st.tb.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.st.tb.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		b.st.tb.Fatal(err)
	}
	return res, string(text)
}

// token returns the token on a new page.
func (b *browser) token() string {
	b.st.tb.Helper()
	_, token := b.do(http.MethodGet, "/form", "", "")
	return token
}

// post sends a form with a token to path.
func (b *browser) post(path, token string) (status int, body string) {
	b.st.tb.Helper()
	res, text := b.do(http.MethodPost, path, formType, encode(token))
	return res.StatusCode, text
}

// want checks the status of a form that is posted with token.
func (b *browser) want(status int, token, when string) {
	b.st.tb.Helper()
	if got, _ := b.post("/act", token); got != status {
		b.st.tb.Errorf("%s: status %d, want %d", when, got, status)
	}
}

func encode(token string) string { return url.Values{fieldName: {token}, "item": {"coat"}}.Encode() }

// request returns a request with the browser's cookies that needs no server.
func (b *browser) request(tb testing.TB, method, contentType, body string, header ...string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, b.st.server.URL+"/act", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	for _, c := range b.client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return r
}

// multipartForm returns a form with a token and a file of size bytes.
func multipartForm(tb testing.TB, token string, size int) (contentType, body string) {
	tb.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	file, err := w.CreateFormFile("photo", "coat.jpg")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := file.Write(make([]byte, size)); err != nil {
		tb.Fatal(err)
	}
	for name, value := range map[string]string{fieldName: token, "item": "coat"} {
		if err := w.WriteField(name, value); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

// A syncBuffer collects a log.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
