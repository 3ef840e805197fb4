package csrf_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestWhatIsNoTokenIsRefusedInOneLine(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":              "",
		"one character":        "A",
		"zeros":                strings.Repeat("A", 86),
		"not base64":           strings.Repeat("!", 86),
		"not UTF-8":            strings.Repeat("\xff", 86),
		"NULs":                 strings.Repeat("\x00", 86),
		"line breaks":          strings.Repeat("\r\n", 43),
		"markup":               `"><script>alert(1)</script>`,
		"a megabyte":           strings.Repeat("A", 1<<20),
		"a megabyte of breaks": strings.Repeat("\n", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newSite(t)
			b := st.browser()
			b.token()
			b.want(http.StatusForbidden, text, "in the form")
			if n := strings.Count(st.logs.String(), "\n"); n != 1 {
				t.Errorf("%d lines in the log, want 1:\n%.500s", n, st.logs)
			}
		})
	}
}

func TestAnOversizedHeaderIsRefused(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser()
	b.token()
	for _, size := range []int{87, 4096, 500_000} { // net/http itself refuses more than about 1 MB
		if res, _ := b.do(http.MethodPost, "/act", "", "", headerName, strings.Repeat("A", size)); res.StatusCode != http.StatusForbidden {
			t.Errorf("%d bytes: status %d", size, res.StatusCode)
		}
	}
}

func TestAFormThatDoesNotParseIsRefused(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	token := b.token()
	multi, body := multipartForm(t, token, 1)
	for name, c := range map[string]struct{ contentType, body string }{
		"bad escape after the token": {formType, encode(token) + "&x=%zz"},
		"semicolon":                  {formType, encode(token) + ";x=y"},
		"cut multipart":              {multi, body[:len(body)-10]},
		"multipart, no boundary":     {"multipart/form-data", body},
		"other boundary":             {"multipart/form-data; boundary=x", body},
		"type that does not parse":   {formType + "; charset", encode(token)},
		"token as a part's header":   {"multipart/form-data; boundary=x", "--x\r\n" + token + "\r\n\r\n--x--"},
	} {
		if res, _ := b.do(http.MethodPost, "/act", c.contentType, c.body); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, res.StatusCode)
		}
	}
}

func TestAFormOverTheLimitIsTooLarge(t *testing.T) {
	t.Parallel()
	b := newSite(t, func(o *csrf.Options) { o.MaxForm = 4096 }).browser()
	token := b.token()
	multi, multiBody := multipartForm(t, token, 4096)
	large := encode(token) + "&x=" + strings.Repeat("x", 4096)
	for name, c := range map[string]struct {
		contentType, body string
		want              int
	}{
		"at the limit": {formType, large[:4096], http.StatusOK},
		"one over":     {formType, large[:4097], http.StatusRequestEntityTooLarge},
		"multipart":    {multi, multiBody, http.StatusRequestEntityTooLarge},
	} {
		if res, _ := b.do(http.MethodPost, "/act", c.contentType, c.body); res.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", name, res.StatusCode, c.want)
		}
	}

	var refused error
	hooked := newSite(t, func(o *csrf.Options) {
		o.MaxForm = 4096
		o.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, err error) { refused = err }
	}).browser()
	hooked.token()
	hooked.do(http.MethodPost, "/act", formType, large)
	if !errors.Is(refused, csrf.ErrMissing) {
		t.Errorf("ErrorHandler gets %v, want ErrMissing", refused)
	}
	if tooLarge := new(http.MaxBytesError); !errors.As(refused, &tooLarge) || tooLarge.Limit != 4096 {
		t.Errorf("ErrorHandler gets %v, want an http.MaxBytesError with the limit", refused)
	}
}

func TestAVisitorWithoutASessionIsRefusedBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	body := &unread{}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/act", body)
	r.Header.Set("Content-Type", formType)
	w := httptest.NewRecorder()
	st.handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || body.read {
		t.Errorf("status %d, body read: %v", w.Code, body.read)
	}
	if got := w.Result().Header["Set-Cookie"]; got != nil {
		t.Errorf("Set-Cookie: %q, want none", got)
	}
}

type unread struct{ read bool }

func (u *unread) Read([]byte) (int, error) {
	u.read = true
	return 0, io.EOF
}

func TestARequestMadeByHandWithoutABodyIsRefused(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser()
	token := b.token()
	r := b.request(t, http.MethodPost, formType, "")
	r.Body = nil
	w := httptest.NewRecorder()
	st.handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d, want 403", w.Code)
	}
	r = b.request(t, http.MethodPost, formType, "", headerName, token)
	r.Body = nil
	w = httptest.NewRecorder()
	if st.handler().ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("with a token in the header: status %d", w.Code)
	}
}

func TestTheErrorHandlerAnswersARefusal(t *testing.T) {
	t.Parallel()
	var st *site
	st = newSite(t, func(o *csrf.Options) {
		o.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
			field, fieldErr := st.protection.Field(r)
			if fieldErr != nil {
				st.sessions.Fail(w, r, fieldErr)
				return
			}
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, errors.Is(err, csrf.ErrMissing), errors.Is(err, csrf.ErrMismatch), " ", field)
		}
	})
	b := st.browser()
	status, text := b.post("/act", "invented")
	if !strings.HasPrefix(text, "false true ") || status != http.StatusForbidden {
		t.Errorf("no session: %d %s", status, text)
	}
	b.want(http.StatusOK, tokenIn(t, text), "the token of the page that ErrorHandler made")
	if _, text = b.post("/act", ""); !strings.HasPrefix(text, "true false ") {
		t.Errorf("no token: %s", text)
	}
	if _, text = b.post("/act", "invented"); !strings.HasPrefix(text, "false true ") {
		t.Errorf("invented token: %s", text)
	}
}

func TestARefusalIsNotCached(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	res, text := b.do(http.MethodPost, "/act", formType, "")
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %q", got)
	}
	if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") || text == "" {
		t.Errorf("%s: %q", got, text)
	}
}

// TestAFormThatIsSkippedIsRefused: session.Options.Skip has taken it out, so that no token
// can be its session's. It is refused as one of a visitor without a session.
func TestAFormThatIsSkippedIsRefused(t *testing.T) {
	t.Parallel()
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys: [][]byte{session.GenerateKey()}, Logger: slog.New(slog.DiscardHandler),
		Skip: []func(*http.Request) bool{session.SkipHeader("X-Probe", "*")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var refused error
	protection, err := csrf.New(sessions, csrf.Options{
		Logger: slog.New(slog.DiscardHandler),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			refused = err
			w.WriteHeader(http.StatusForbidden)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := sessions.Handler(protection.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	for method, status := range map[string]int{http.MethodGet: http.StatusOK, http.MethodPost: http.StatusForbidden} {
		r := httptest.NewRequestWithContext(t.Context(), method, "/", http.NoBody)
		r.Header.Set("X-Probe", "1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", method, w.Code, status)
		}
	}
	if !errors.Is(refused, csrf.ErrMismatch) || !errors.Is(refused, session.ErrSkipped) {
		t.Errorf("refused with %v", refused)
	}
}
