package migrate_test

import (
	"cmp"
	"context"
	"errors"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/migrate"
)

type taskKey struct{}

// A call waits for the model.
type call struct {
	task   int
	name   string
	answer chan [2]error // in the place of the call, and in the place of what it returns
}

var errFault = errors.New("connection reset")

// do makes a call of a store when the model lets it.
func (m *model) do(ctx context.Context, name string, f func() error) error {
	id, _ := ctx.Value(taskKey{}).(int)
	c := &call{id, name, make(chan [2]error)}
	m.mu.Lock()
	m.calls = append(m.calls, c)
	m.mu.Unlock()
	fault := <-c.answer
	if fault[0] != nil {
		return fault[0]
	}
	return cmp.Or(fault[1], f())
}

func (m *model) Load(ctx context.Context, id string) (r sessionstore.Record, err error) {
	err = m.do(ctx, "load", func() error { r, err = m.inner.Load(ctx, id); return err })
	return r, err
}

func (m *model) Create(ctx context.Context, id string, r sessionstore.Record) error {
	return m.do(ctx, "create", func() error { return m.inner.Create(ctx, id, r) })
}

func (m *model) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	return m.do(ctx, "update", func() error { return m.inner.Update(ctx, id, old, r) })
}

func (m *model) Delete(ctx context.Context, id string) error {
	return m.do(ctx, "delete", func() error { return m.inner.Delete(ctx, id) })
}

func (m *model) ListSubject(ctx context.Context, subject string) (list []sessionstore.Entry, err error) {
	err = m.do(ctx, "list", func() error { list, err = m.inner.ListSubject(ctx, subject); return err })
	return list, err
}

func (m *model) DeleteSubject(context.Context, string) (int, error) {
	return 0, sessionstore.ErrUnsupported
}

// modelRecords are the old ones.
type modelRecords struct{ *model }

func (m modelRecords) Load(ctx context.Context, key string) (value []byte, err error) {
	err = m.do(ctx, "read the old record", func() error {
		if v, ok := m.records[key]; ok {
			value = []byte(v)
			return nil
		}
		return migrate.ErrNotFound
	})
	return value, err
}

func (m modelRecords) Delete(ctx context.Context, key string) error {
	return m.do(ctx, "delete the old record", func() error { delete(m.records, key); return nil })
}
