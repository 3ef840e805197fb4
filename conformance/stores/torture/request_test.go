package torture

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// An answer is what became of a request.
type answer struct {
	page   page
	status int // 0 if there was none
	sent   time.Time
	took   time.Duration
	calls  []call
	reason string // why it failed, as far as the application's own code knows
}

func (a answer) ok() bool { return a.status == http.StatusOK }

// failed reports whether there was no answer, or one that blames the server.
func (a answer) failed() bool { return a.status == 0 || a.status >= http.StatusInternalServerError }

// late reports whether an answer has come late.
func (a answer) late() bool { return !a.failed() && a.took > late }

// ask sends one request to one of the applications, and counts what became of it.
func (r *run) ask(ctx context.Context, client *http.Client, path string, query ...string) (a answer) {
	values := make(url.Values)
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	app := rand.IntN(len(r.apps))
	a.sent = time.Now()
	defer func() {
		a.took = time.Since(a.sent)
		r.count(app, path, a, ctx.Err() != nil)
	}()
	got, err := fetch(ctx, client, r.apps[app].url+path+"?"+values.Encode())
	if err == nil {
		a.page, a.status, a.calls, a.reason = got.page, got.status, got.calls, got.reason
	}
	return a
}

// fetch sends one request. There is no answer unless it has arrived whole.
func fetch(ctx context.Context, client *http.Client, where string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, http.NoBody)
	if err != nil {
		return a, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, &a.page)
	}
	a.status, a.calls, a.reason = resp.StatusCode, told(resp.Header), resp.Header.Get(reasonHeader)
	return a, err
}
