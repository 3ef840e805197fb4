package session_test

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestWhatARouterFindsOutIsVisibleOutside(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]func(*session.Options){
		"with a session": func(*session.Options) {},
		"skipped":        func(o *session.Options) { o.Skip = append(o.Skip, session.SkipPath("/cart/")) },
	} {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /cart/{item}", func(_ http.ResponseWriter, r *http.Request) { _ = r.ParseForm() })
		inside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mux.ServeHTTP(w, r)
		})
		h := newEnv(t, options).m.Handler(inside)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/cart/coat?n=1", http.NoBody)
		ctx := r.Context()
		h.ServeHTTP(httptest.NewRecorder(), r)
		if r.Pattern != "GET /cart/{item}" || r.PathValue("item") != "coat" || r.Form.Get("n") != "1" {
			t.Errorf("%s: outside: pattern %q, item %q, form %v", name, r.Pattern, r.PathValue("item"), r.Form)
		}
		if r.Context() != ctx {
			t.Errorf("%s: the request outside has another context", name)
		}
	}
}

func TestAResponseThatReplacesTheHandlersHasNothingOfIt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	e.store.fail(errDown, opUpdate)
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		for _, name := range []string{
			"CDN-Cache-Control", "Surrogate-Control", "X-Accel-Redirect", "X-Accel-Expires", "X-Sendfile", "Location",
			"Content-Digest", "Repr-Digest", "X-LiteSpeed-Location", "Secure-Session-Registration",
		} {
			w.Header().Set(name, "the handler's")
		}
		for _, name := range []string{"ETag", "set-cookie"} { // net/http sends it as it is written
			w.Header()[name] = []string{"the handler's"}
		}
		count(w, r, s)
	})
	wantOutage(t, res)
	for name, values := range res.Header {
		if values[0] == "the handler's" {
			t.Errorf("%s is the handler's still", name)
		}
	}
}

// A cache that heeds a field of its own would hand the ticket to others.
func TestAResponseWithATicketIsNobodyElses(t *testing.T) {
	t.Parallel()
	cache := func(w http.ResponseWriter) {
		for _, name := range []string{"CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"} {
			w.Header().Set(name, "600")
		}
	}
	v := newEnv(t).visitor()
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		cache(w)
		count(w, r, s)
	})
	for name, want := range map[string]string{"CDN-Cache-Control": "no-store", "Surrogate-Control": "no-store", "X-Accel-Expires": "0"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("with a ticket: %s: %q, want %q", name, got, want)
		}
	}
	res = v.do(func(w http.ResponseWriter, _ *http.Request, _ *session.Session) { cache(w) })
	if got := res.Header.Get("CDN-Cache-Control"); got != "600" {
		t.Errorf("without one: %q, want what the handler said", got)
	}
}

// Who is around the Handler learns what has been found out about the request within it. So does
// net/http, which removes the files of its form.
func TestThoseAroundLearnOfTheRequestsFormAndPattern(t *testing.T) {
	t.Parallel()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := errors.Join(form.WriteField("name", "ann"), form.Close()); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?from=page", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(_ http.ResponseWriter, r *http.Request) { r.FormValue("name") })
	serveRequest(newEnv(t).m.Handler(mux), r)
	if r.Pattern != "POST /" || r.Form.Get("from") != "page" || r.PostForm.Get("name") != "ann" || r.MultipartForm == nil {
		t.Errorf("pattern %q, form %v, posted %v, files %v", r.Pattern, r.Form, r.PostForm, r.MultipartForm)
	}
}

// The client goes away just when the store has answered: it stays one session for the request.
func TestARequestHasOneSessionThoughItsClientGoesAway(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e.store.after = func(_ op, err error) error {
		cancel()
		return err
	}
	v.within(ctx, e.m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if again, err := e.m.Get(r); again != s || err != nil {
			t.Errorf("another session, or %v", err)
		}
	}))
}
