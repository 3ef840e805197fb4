package csrf_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/csrf"
)

// FuzzForm sends requests with any body, type and header. Where TOKEN stands, a
// valid token is put; a request without it must never be let through.
func FuzzForm(f *testing.F) {
	const multi = "multipart/form-data; boundary=x"
	part := "--x\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\nTOKEN\r\n--x--\r\n"
	for _, seed := range [][3]string{
		{formType, "csrf_token=TOKEN&item=coat", ""},
		{formType, "csrf_token=", "TOKEN"},
		{formType, "csrf_token=TOKEN;x=%zz", ""},
		{formType + "; charset", "%63srf_token=TOKEN", "x"},
		{multi, part, ""},
		{multi, part[:len(part)-6], ""},
		{multi, strings.ReplaceAll(part, "\r\n", "\n"), ""},
		{multi, strings.Replace(part, `token"`, `token"; filename="x"`, 1), ""},
		{"multipart/form-data", part, ""},
		{"multipart/mixed; boundary=x", part, ""},
		{"application/json", `{"csrf_token":"TOKEN"}`, ""},
		{"", "", "TOKEN\n"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	st := newSite(f, func(o *csrf.Options) { o.MaxForm = 64 << 10 })
	b, h := st.browser(), st.handler()
	token := b.token()
	f.Fuzz(func(t *testing.T, contentType, body, header string) {
		valid := strings.NewReplacer("TOKEN", token)
		r := b.request(t, http.MethodPost, valid.Replace(contentType), valid.Replace(body), headerName, valid.Replace(header))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusForbidden, http.StatusRequestEntityTooLarge:
		case http.StatusOK:
			if !strings.Contains(body+"\x00"+header, "TOKEN") {
				t.Error("let through without a token")
			}
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}
