package csrf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A form with a token, given to the page as a value.
func Example() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	protection, err := csrf.New(sessions, csrf.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	page := template.Must(template.New("page").Parse(`<form method="post" action="/order">{{.Token}}<button>Order</button></form>`))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		field, err := protection.Field(r) // before the first byte of the page
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		if err := page.Execute(w, map[string]any{"Token": field}); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("POST /order", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Thank you!") })

	v := newVisitor(sessions.Handler(protection.Handler(mux)))
	form := v.get("/")
	fmt.Println(hideToken(form))
	fmt.Println(v.post("/order", url.Values{"csrf_token": {tokenOf(form)}}))
	fmt.Println(v.post("/order", url.Values{})) // what another site's page can send
	// Output:
	// <form method="post" action="/order"><input type="hidden" name="csrf_token" value="…"><button>Order</button></form>
	// 200 Thank you!
	// 403 This form has expired, or it is not from this site. Reload the page and try again.
}

// As a template function, Field is registered once, before the template is
// parsed, and called with the request. The page is made in a buffer: a visitor
// who is new gets a cookie with the token, and that goes before the first byte.
func ExampleProtection_Field() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	protection, err := csrf.New(sessions, csrf.Options{})
	if err != nil {
		log.Fatal(err)
	}
	page := template.Must(template.New("page").
		Funcs(template.FuncMap{"csrfField": protection.Field}).
		Parse(`<h1>{{.Title}}</h1><form method="post">{{csrfField .Request}}</form>`))

	site := sessions.Handler(protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if err := page.Execute(&b, map[string]any{"Title": "Order", "Request": r}); err != nil {
			sessions.Fail(w, r, err)
			return
		}
		if _, err := b.WriteTo(w); err != nil {
			log.Print(err)
		}
	})))

	fmt.Println(hideToken(newVisitor(site).get("/")))
	// Output:
	// <h1>Order</h1><form method="post"><input type="hidden" name="csrf_token" value="…"></form>
}

// A script gets the token from an element of the page, or from a URL such as this,
// and sends it in the header:
//
//	fetch("/cart/coat", {method: "PUT", headers: {"X-CSRF-Token": token}})
func ExampleProtection_Token() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	protection, err := csrf.New(sessions, csrf.Options{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /csrf-token", func(w http.ResponseWriter, r *http.Request) {
		token, err := protection.Token(r)
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, token)
	})
	mux.HandleFunc("PUT /cart/{item}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.PathValue("item"), " is in the cart")
	})

	v := newVisitor(sessions.Handler(protection.Handler(mux)))
	token := v.get("/csrf-token")
	fmt.Println(v.put("/cart/coat", token))
	// Output:
	// 200 coat is in the cart
}

// What a visitor has typed in is not lost when their session has ended: the form
// is shown again with a fresh token.
func ExampleOptions_errorHandler() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	var protection *csrf.Protection
	protection, err = csrf.New(sessions, csrf.Options{
		Logger: slog.New(slog.DiscardHandler),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			field, fieldErr := protection.Field(r)
			if fieldErr != nil {
				sessions.Fail(w, r, fieldErr)
				return
			}
			w.WriteHeader(http.StatusForbidden)
			if errors.Is(err, csrf.ErrMismatch) {
				fmt.Fprint(w, "Please confirm: ")
			}
			fmt.Fprint(w, field)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.Handler(protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Saved.")
	})))

	v := newVisitor(site)
	answer := v.post("/note", url.Values{"csrf_token": {"from a session that has ended"}})
	fmt.Println(hideToken(answer))
	fmt.Println(v.post("/note", url.Values{"csrf_token": {tokenOf(answer)}}))
	// Output:
	// 403 Please confirm: <input type="hidden" name="csrf_token" value="…">
	// 200 Saved.
}

// Both protections stand in front of the site. A webhook with a signature of its
// own is mounted beside them.
func ExampleProtection_Handler() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	protection, err := csrf.New(sessions, csrf.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	site := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "site") })
	hook := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hook") })

	mux := http.NewServeMux()
	mux.Handle("/", sessions.Handler(http.NewCrossOriginProtection().Handler(protection.Handler(site))))
	mux.Handle("POST /hooks/payment", hook)

	v := newVisitor(mux)
	fmt.Println(v.post("/order", url.Values{}))
	fmt.Println(v.post("/hooks/payment", url.Values{}))
	// Output:
	// 403 This form has expired, or it is not from this site. Reload the page and try again.
	// 200 hook
}

// A visitor is a browser of the examples: it keeps the cookies of one site.
type visitor struct {
	site    http.Handler
	cookies []*http.Cookie
}

func newVisitor(site http.Handler) *visitor { return &visitor{site: site} }

func (v *visitor) do(method, path, body string, header http.Header) (status int, text string) {
	r := httptest.NewRequestWithContext(context.Background(), method, "http://localhost"+path, strings.NewReader(body))
	r.Header = header
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.site.ServeHTTP(w, r)
	v.cookies = append(v.cookies, w.Result().Cookies()...)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func (v *visitor) get(path string) string {
	_, text := v.do(http.MethodGet, path, "", http.Header{})
	return text
}

func (v *visitor) post(path string, form url.Values) string {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	status, text := v.do(http.MethodPost, path, form.Encode(), header)
	return fmt.Sprint(status, " ", text)
}

func (v *visitor) put(path, token string) string {
	header := make(http.Header)
	header.Set(csrf.DefaultHeaderName, token)
	status, text := v.do(http.MethodPut, path, "", header)
	return fmt.Sprint(status, " ", text)
}

var tokenValue = regexp.MustCompile(`value="([^"]+)"`)

func tokenOf(page string) string { return tokenValue.FindStringSubmatch(page)[1] }

func hideToken(page string) string { return tokenValue.ReplaceAllString(page, `value="…"`) }
