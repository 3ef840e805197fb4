package csrf_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/csrf"
)

func TestOnlySafeMethodsNeedNoToken(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	b.token()
	for method, want := range map[string]int{
		http.MethodGet:     http.StatusOK,
		http.MethodHead:    http.StatusOK,
		http.MethodOptions: http.StatusOK,
		http.MethodTrace:   http.StatusOK,
		http.MethodPost:    http.StatusForbidden,
		http.MethodPut:     http.StatusForbidden,
		http.MethodPatch:   http.StatusForbidden,
		http.MethodDelete:  http.StatusForbidden,
		"get":              http.StatusForbidden, // methods are case-sensitive (RFC 9110, 9.1)
		"PURGE":            http.StatusForbidden,
	} {
		if res, _ := b.do(method, "/act", "", ""); res.StatusCode != want {
			t.Errorf("%s: status %d, want %d", method, res.StatusCode, want)
		}
	}
}

func TestATokenTravelsInTheHeaderOrTheForm(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	token, other := b.token(), newSite(t).browser().token()
	multi, multiBody := multipartForm(t, token, 1)
	query := "/act?" + url.Values{fieldName: {token}}.Encode()
	for name, c := range map[string]struct {
		method, path, contentType, body string
		header                          []string
		want                            int
	}{
		"form":                     {"POST", "/act", formType, encode(token), nil, 200},
		"form with charset":        {"POST", "/act", formType + "; charset=utf-8", encode(token), nil, 200},
		"form by PUT":              {"PUT", "/act", formType, encode(token), nil, 200},
		"form by PATCH":            {"PATCH", "/act", formType, encode(token), nil, 200},
		"multipart form":           {"POST", "/act", multi, multiBody, nil, 200},
		"header, no body":          {"DELETE", "/act", "", "", []string{headerName, token}, 200},
		"header, JSON":             {"POST", "/act", "application/json", "{}", []string{headerName, token}, 200},
		"empty header, form":       {"POST", "/act", formType, encode(token), []string{headerName, ""}, 200},
		"form, query that is odd":  {"POST", "/act?q=100%;", formType, encode(token), nil, 200},
		"query":                    {"POST", query, formType, "item=coat", nil, 403},
		"query, no body":           {"POST", query, "", "", nil, 403},
		"form by DELETE":           {"DELETE", "/act", formType, encode(token), nil, 403},
		"form as plain text":       {"POST", "/act", "text/plain", encode(token), nil, 403},
		"form without a type":      {"POST", "/act", "", encode(token), nil, 403},
		"JSON":                     {"POST", "/act", "application/json", `{"` + fieldName + `":"` + token + `"}`, nil, 403},
		"cookie":                   {"POST", "/act", "", "", []string{"Cookie", fieldName + "=" + token}, 403},
		"wrong header, right form": {"POST", "/act", formType, encode(token), []string{headerName, other}, 403},
		"second header":            {"POST", "/act", "", "", []string{headerName, other, headerName, token}, 403},
		"second field":             {"POST", "/act", formType, encode(other) + "&" + encode(token), nil, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if res, _ := b.do(c.method, c.path, c.contentType, c.body, c.header...); res.StatusCode != c.want {
				t.Errorf("status %d, want %d", res.StatusCode, c.want)
			}
		})
	}
}

func TestTheHandlerFindsTheFormParsed(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	st.posted = func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.PostFormValue("item"), r.FormValue("q"), r.PostForm.Get("q") == "")
		if file, _, err := r.FormFile("photo"); err == nil {
			text, err := io.ReadAll(file)
			fmt.Fprintln(w, len(text), err)
		}
	}
	b := st.browser()
	token := b.token()
	if _, got := b.do(http.MethodPost, "/act?q=x", formType, encode(token)); got != "coat x true\n" {
		t.Errorf("URL-encoded: %q", got)
	}
	contentType, body := multipartForm(t, token, 5000)
	if _, got := b.do(http.MethodPost, "/act?q=x", contentType, body); got != "coat x true\n5000 <nil>\n" {
		t.Errorf("multipart: %q", got)
	}
}

func TestTheHandlerLearnsThatTheQueryDoesNotParse(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	st.posted = func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.ParseForm()) }
	b := st.browser()
	if _, got := b.do(http.MethodPost, "/act?q=100%", formType, encode(b.token())); !strings.Contains(got, "invalid URL escape") {
		t.Errorf("ParseForm: %s", got)
	}
}

func TestWithATokenInTheHeaderTheBodyIsTheHandlers(t *testing.T) {
	t.Parallel()
	st := newSite(t, func(o *csrf.Options) { o.MaxForm = 10 })
	st.posted = func(w http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		part, err := parts.NextPart()
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		n, err := io.Copy(io.Discard, part)
		fmt.Fprint(w, n, err)
	}
	b := st.browser()
	token := b.token()
	contentType, body := multipartForm(t, "", 100_000)
	if _, got := b.do(http.MethodPost, "/act", contentType, body, headerName, token); got != "100000 <nil>" {
		t.Errorf("streaming a part: %q", got)
	}
}

// The folder for temporary files is the process's, so that this test runs alone.
//
//nolint:paralleltest // it sets the environment
func TestNoFileOfAFormStaysBehind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} { // the last two on Windows
		t.Setenv(name, dir)
	}
	const large = 33 << 20 // over what is held in memory
	st := newSite(t, func(o *csrf.Options) { o.MaxForm = 2 * large })
	during := -1
	st.posted = func(http.ResponseWriter, *http.Request) { during = files(t, dir) }
	b := st.browser()
	for token, want := range map[string]int{b.token(): http.StatusOK, "invented": http.StatusForbidden} {
		contentType, body := multipartForm(t, token, large)
		if res, _ := b.do(http.MethodPost, "/act", contentType, body); res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
	}
	st.server.Close() // the requests have ended
	if after := files(t, dir); during != 1 || after != 0 {
		t.Errorf("%d files while the handler ran, want 1; %d afterwards, want 0", during, after)
	}
}

func files(tb testing.TB, dir string) int {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Error(err)
	}
	return len(entries)
}

func TestAnOutageIsNoForgery(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser()
	token := b.token()
	st.store.down.Store(true)
	b.want(http.StatusServiceUnavailable, token, "posting")
	if res, _ := b.do(http.MethodGet, "/form", "", ""); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("asking for a form: status %d", res.StatusCode)
	}
	st.store.down.Store(false)
	b.want(http.StatusOK, token, "posting again afterwards")
}

func TestOutsideTheManagersHandlerNothingIsLetThrough(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	reached := false
	h := st.protection.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = r.Method == http.MethodPost
		if _, err := st.protection.Field(r); err == nil {
			t.Error("Field gives a token")
		}
	}))
	for method, want := range map[string]int{http.MethodGet: http.StatusOK, http.MethodPost: http.StatusInternalServerError} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", http.NoBody))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", method, w.Code, want)
		}
	}
	if reached {
		t.Error("a POST is let through")
	}
}

func TestBesideCrossOriginProtectionBothAreAsked(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	server := httptest.NewTLSServer(http.NewCrossOriginProtection().Handler(st.handler()))
	t.Cleanup(server.Close)
	st.server.Close()
	st.server = server
	b := st.browser()
	token := b.token()
	for name, c := range map[string]struct {
		token  string
		header []string
		want   int
	}{
		"this site's page":                       {token, []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"another site that has found a token":    {token, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"a sibling domain that has found one":    {token, []string{"Sec-Fetch-Site", "same-site"}, 403},
		"an old browser on this site":            {token, nil, 200},
		"an old browser on another site":         {"", nil, 403},
		"an old browser, this host under http":   {"", []string{"Origin", "http://" + server.Listener.Addr().String()}, 403},
		"this site's page, from before the form": {"", []string{"Sec-Fetch-Site", "same-origin"}, 403},
	} {
		if res, _ := b.do(http.MethodPost, "/act", formType, encode(c.token), c.header...); res.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", name, res.StatusCode, c.want)
		}
	}
}
