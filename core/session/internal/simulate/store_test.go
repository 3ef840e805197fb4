package simulate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A store keeps records in memory. The scheduler decides how each call goes.
type store struct {
	w     *world
	inner *memstore.Store
	late  []landing // writes that are still on their way
}

// A landing is a write that the store will make although its caller has given up.
type landing struct {
	call  *call
	apply func() error
}

// A call is one that has reached the store.
type call struct {
	op, id string
	apply  func(context.Context) error
}

func (c *call) name(t *trace) string { return c.op + " " + t.record(c.id) }

var (
	errDown = errors.New("simulated: the store is down")
	errLost = errors.New("simulated: no answer")
)

var _ interface {
	sessionstore.Toucher
	sessionstore.SubjectIndex
	sessionstore.AllDeleter
	sessionstore.Pruner
} = (*store)(nil)

func newStore(w *world) *store { return &store{w: w, inner: memstore.New(memstore.Options{})} }

// do has the scheduler decide how a call goes.
func (s *store) do(ctx context.Context, op, id string, apply func(context.Context) error) error {
	t := taskOf(ctx)
	if op == "Load" {
		t.record = id
	}
	c := &call{op, id, apply}
	at := &stop{call: c, ctx: ctx}
	v := t.wait(at)
	if at.ended {
		if v == later {
			s.lands(ctx, c)
		}
		return ctx.Err()
	}
	switch v {
	case refused:
		return errDown
	case unheard:
		_ = apply(ctx)
		return errLost
	case later:
		s.lands(ctx, c)
		return errLost
	case resent:
		_ = apply(ctx)
		return s.again(ctx, c)
	default:
		err := apply(ctx)
		if err != nil {
			s.w.trace.eventf(t.name, "    %v", err)
		}
		return err
	}
}

// again is a driver that sends a call a second time.
func (s *store) again(ctx context.Context, c *call) error {
	at := &stop{call: c, ctx: ctx, until: time.Now(), again: true}
	taskOf(ctx).wait(at)
	if at.ended {
		return ctx.Err()
	}
	return c.apply(ctx)
}

func (s *store) lands(ctx context.Context, c *call) {
	ctx = context.WithoutCancel(ctx)
	s.late = append(s.late, landing{c, func() error { return c.apply(ctx) }})
}

func (s *store) Load(ctx context.Context, id string) (r record, err error) {
	err = s.do(ctx, "Load", id, func(ctx context.Context) (err error) {
		r, err = s.inner.Load(ctx, id)
		return err
	})
	if err != nil {
		return record{}, err
	}
	return r, nil
}

func (s *store) Create(ctx context.Context, id string, r record) error {
	r.Data = bytes.Clone(r.Data)
	taskOf(ctx).created = id
	return s.do(ctx, "Create", id, func(ctx context.Context) error { return s.inner.Create(ctx, id, r) })
}

func (s *store) Update(ctx context.Context, id string, old version, r record) error {
	r.Data = bytes.Clone(r.Data)
	return s.do(ctx, "Update", id, func(ctx context.Context) error { return s.inner.Update(ctx, id, old, r) })
}

func (s *store) Delete(ctx context.Context, id string) error {
	return s.do(ctx, "Delete", id, func(ctx context.Context) error { return s.inner.Delete(ctx, id) })
}

// ListSubject lists in two steps, as stores do that keep an index beside the
// records: the ids, and then one record after the other.
func (s *store) ListSubject(ctx context.Context, subject string) ([]entry, error) {
	ids, err := s.ids(ctx, subject)
	if err != nil {
		return nil, err
	}
	var list []entry
	for _, id := range ids {
		r, err := s.Load(ctx, id)
		switch {
		case errors.Is(err, sessionstore.ErrNotFound):
		case err != nil:
			return nil, err
		case r.Subject == subject:
			list = append(list, entry{ID: id, Record: r})
		}
	}
	return list, nil
}

func (s *store) ids(ctx context.Context, subject string) (ids []string, err error) {
	err = s.do(ctx, "List", subject, func(ctx context.Context) error {
		list, err := s.inner.ListSubject(ctx, subject)
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		slices.SortFunc(ids, func(a, b string) int { return s.w.trace.recordNo(a) - s.w.trace.recordNo(b) })
		return err
	})
	return ids, err
}

// DeleteSubject deletes one record after the other.
func (s *store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	ids, err := s.ids(ctx, subject)
	for i, id := range ids {
		if err := s.Delete(ctx, id); err != nil {
			return i, err
		}
	}
	return len(ids), err
}

// DeleteAll may take as long for each call as another method: EndEverybody goes on while it
// ends some.
func (s *store) DeleteAll(ctx context.Context) (n int, err error) {
	taskOf(ctx).inside = time.Now()
	err = s.do(ctx, "DeleteAll", "", func(ctx context.Context) (err error) {
		n, err = s.inner.DeleteAll(ctx)
		return err
	})
	return n, err
}

func (s *store) Prune(ctx context.Context) (int, error) { return s.inner.Prune(ctx) }

// land makes the i-th of the writes that are on their way.
func (s *store) land(i int) {
	l := s.late[i]
	s.late = slices.Delete(s.late, i, i+1)
	if l.call.op == "DeleteAll" {
		s.w.judge.ends("", "EndEverybody lands late", func(*life) bool { return true }).until = s.w.step
	}
	err := l.apply()
	s.w.trace.eventf("store", "%s lands: %v", l.call.name(s.w.trace), err)
	if l.call.op == "Create" && err == nil {
		s.w.judge.landed(l.call.id)
	}
}

// damage spoils what the record under id holds.
func (s *store) damage(id string) error {
	r, err := s.inner.Load(context.Background(), id)
	if err != nil {
		return fmt.Errorf("nothing there: %w", err)
	}
	old := r.Version
	r.Data, r.Version = []byte("damaged"), old+1
	return s.inner.Update(context.Background(), id, old, r)
}
