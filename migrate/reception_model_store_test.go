package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var errFault = errors.New("connection reset")

// call is a call of a server, which fails once in so many times, acts without an answer, or
// acts late.
func (m *model) call(ctx context.Context, what string, one int, act func(context.Context) error) error {
	m.stop(ctx, 40*time.Millisecond)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	q, _ := ctx.Value(asking{}).(*modelRequest)
	if !m.one(one) {
		m.note(q, what)
		return act(ctx)
	}
	kind := m.n(4)
	m.note(q, what+[]string{" fails", " has no answer", " is late", " hangs"}[kind])
	switch kind {
	case 0:
		return errFault
	case 1:
		return errors.Join(act(ctx), errFault)
	case 2:
		if !strings.HasPrefix(what, "read") {
			m.late.Go(func() {
				m.stop(m.t.Context(), 8*time.Second) //nolint:contextcheck // the same
				m.note(q, what+", late")
				_ = act(context.WithoutCancel(ctx))
			})
		}
		m.stop(ctx, 8*time.Second)
		return errFault
	default:
		<-ctx.Done()
		return ctx.Err()
	}
}

// note notes a call for a request, or for none.
func (m *model) note(q *modelRequest, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q != nil {
		what = fmt.Sprintf("%d: %s", q.number, what)
	}
	m.trace = append(m.trace, what)
}

type modelStore struct {
	*memstore.Store

	m *model
}

func (s *modelStore) do(ctx context.Context, what string, act func(context.Context) error) error {
	return s.m.call(ctx, what, s.m.site.storeFails, act)
}

func (s *modelStore) Load(ctx context.Context, id string) (r sessionstore.Record, err error) {
	err = s.do(ctx, "read", func(ctx context.Context) error { r, err = s.Store.Load(ctx, id); return err })
	return r, err
}

func (s *modelStore) ListSubject(ctx context.Context, subject string) (list []sessionstore.Entry, err error) {
	err = s.do(ctx, "read the list", func(ctx context.Context) error { list, err = s.Store.ListSubject(ctx, subject); return err })
	return list, err
}

func (s *modelStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	r.Data = slices.Clone(r.Data)
	return s.do(ctx, "create", func(ctx context.Context) error { return s.Store.Create(ctx, id, r) })
}

func (s *modelStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	r.Data = slices.Clone(r.Data)
	return s.do(ctx, "update", func(ctx context.Context) error { return s.Store.Update(ctx, id, old, r) })
}

func (s *modelStore) Delete(ctx context.Context, id string) error {
	return s.do(ctx, "delete", func(ctx context.Context) error { return s.Store.Delete(ctx, id) })
}

func (s *modelStore) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	return s.do(ctx, "touch", func(ctx context.Context) error { return s.Store.Touch(ctx, id, version, expires) })
}
