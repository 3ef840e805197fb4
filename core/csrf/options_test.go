package csrf_test

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/csrf"
)

func TestOptionsThatCantWorkAreRefused(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	for _, o := range []csrf.Options{
		{HeaderName: "X CSRF"},
		{HeaderName: "X-CSRF:"},
		{HeaderName: "X-CSRF\n"},
		{HeaderName: "X-Märchen"},
		{MaxForm: -1},
	} {
		if p, err := csrf.New(st.sessions, o); err == nil || p != nil || !strings.HasPrefix(err.Error(), "csrf: Options.") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if p, err := csrf.New(nil, csrf.Options{}); err == nil || p != nil {
		t.Error("no Manager: no error")
	}
}

func TestTheNamesAreTheApplicationsChoice(t *testing.T) {
	t.Parallel()
	st := newSite(t, func(o *csrf.Options) { o.FieldName, o.HeaderName = `a"<b`, "x-xsrf-token" })
	b := st.browser()
	token := b.token()
	if res, _ := b.do(http.MethodPost, "/act", formType, "a%22%3Cb="+token); res.StatusCode != http.StatusOK {
		t.Errorf("in the form: status %d", res.StatusCode)
	}
	if res, _ := b.do(http.MethodPost, "/act", "", "", "X-XSRF-Token", token); res.StatusCode != http.StatusOK {
		t.Errorf("in the header: status %d", res.StatusCode)
	}
	b.want(http.StatusForbidden, token, "under the default name")
}

func TestAFieldIsAHiddenInput(t *testing.T) {
	t.Parallel()
	st := newSite(t, func(o *csrf.Options) { o.FieldName = `a"<b` })
	var field template.HTML
	h := st.sessions.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var err error
		if field, err = st.protection.Field(r); err != nil {
			t.Error(err)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if !regexp.MustCompile(`^<input type="hidden" name="a&#34;&lt;b" value="[A-Za-z0-9_-]{86}">$`).MatchString(string(field)) {
		t.Errorf("field: %s", field)
	}
}

// tokenIn returns the token of a hidden field.
func tokenIn(tb testing.TB, page string) string {
	tb.Helper()
	_, rest, _ := strings.Cut(page, `value="`)
	token, _, ok := strings.Cut(rest, `"`)
	if !ok {
		tb.Fatalf("no field in %q", page)
	}
	return token
}
