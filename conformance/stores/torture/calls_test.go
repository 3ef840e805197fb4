package torture

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A call is one of a store's, as its application tells it to the visitor: a header of the
// answer has all calls of the request. A line's fault is found by them.
type call struct {
	Mark   string    `json:"mark"` // what it is about: a record's id, or a subject
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended"`
	Failed bool      `json:"failed"` // nobody knows what it has done
}

const callsHeader = "Calls"

// calls are those of one request.
type calls struct {
	http.ResponseWriter

	mu    sync.Mutex
	list  []call
	begun bool // the answer
}

type callsKey struct{}

// telling has the answers of a handler tell the calls of the store.
func telling(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &calls{ResponseWriter: w}
		h.ServeHTTP(c, r.WithContext(context.WithValue(r.Context(), callsKey{}, c)))
	})
}

func (c *calls) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *calls) WriteHeader(status int) {
	c.tell()
	c.ResponseWriter.WriteHeader(status)
}

func (c *calls) Write(b []byte) (int, error) {
	c.tell()
	return c.ResponseWriter.Write(b)
}

// tell sets the header before the answer begins.
func (c *calls) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text, err := json.Marshal(c.list); err == nil && !c.begun {
		c.Header().Set(callsHeader, string(text))
	}
	c.begun = true
}

// told returns the calls that an answer tells.
func told(h http.Header) (list []call) {
	_ = json.Unmarshal([]byte(h.Get(callsHeader)), &list) // an answer of nobody's tells none
	return list
}

// A noting store notes its calls with the request that they belong to.
type noting struct{ sessionstore.Store }

func (s noting) Unwrap() sessionstore.Store { return s.Store }

// note is called when a call begins, and what it returns when it ends.
func note(ctx context.Context, mark string) func(err error) {
	c, ok := ctx.Value(callsKey{}).(*calls)
	if !ok {
		return func(error) {}
	}
	began := time.Now()
	return func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.list = append(c.list, call{Mark: mark, Began: began, Ended: time.Now(), Failed: !sessionstore.Certain(err)})
	}
}

func (s noting) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	done := note(ctx, id)
	r, err := s.Store.Load(ctx, id)
	done(err)
	return r, err
}

func (s noting) Create(ctx context.Context, id string, r sessionstore.Record) error {
	done := note(ctx, id)
	err := s.Store.Create(ctx, id, r)
	done(err)
	return err
}

func (s noting) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	done := note(ctx, id)
	err := s.Store.Update(ctx, id, old, r)
	done(err)
	return err
}

func (s noting) Delete(ctx context.Context, id string) error {
	done := note(ctx, id)
	err := s.Store.Delete(ctx, id)
	done(err)
	return err
}

func (s noting) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	done := note(ctx, id)
	err := sessionstore.Touch(ctx, s.Store, id, version, expires)
	done(err)
	return err
}

func (s noting) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	done := note(ctx, subject)
	list, err := sessionstore.ListSubject(ctx, s.Store, subject)
	done(err)
	return list, err
}

func (s noting) DeleteSubject(ctx context.Context, subject string) (int, error) {
	done := note(ctx, subject)
	n, err := sessionstore.DeleteSubject(ctx, s.Store, subject)
	done(err)
	return n, err
}
