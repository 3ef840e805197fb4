package conformance

import (
	"context"
	"errors"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// pagedMutants go through many records in a way that other calls disturb.
func pagedMutants() []mutant {
	return []mutant{
		{"ListSubject pages by expiry", []string{"pages/lists while they are touched"}, func(m *mutated) {
			m.list = func(ctx context.Context, sub string) (found, error) {
				return paged(func() (found, error) { return m.next.ListSubject(ctx, sub) })
			}
		}},
		{"ListSubject pages by what was written last", []string{"pages/lists while they are touched"}, func(m *mutated) {
			m.list = func(ctx context.Context, sub string) (found, error) {
				var out found
				for last := sessionstore.Version(0); ; pause(100 * time.Microsecond) { // versions rise in these cases
					l, err := m.next.ListSubject(ctx, sub)
					if err != nil {
						return nil, err
					}
					l = slices.DeleteFunc(l, func(e sessionstore.Entry) bool { return e.Record.Version <= last })
					sort.Slice(l, func(i, j int) bool { return l[i].Record.Version < l[j].Record.Version })
					if out = append(out, l[:min(100, len(l))]...); len(l) <= 100 {
						return out, nil
					}
					last = l[99].Record.Version
				}
			}
		}},
		{"ListSubject pages by offset", []string{"pages/lists while they are touched"}, func(m *mutated) {
			m.list = func(ctx context.Context, sub string) (found, error) {
				var out found
				for at := 0; ; at += 100 {
					l, err := m.next.ListSubject(ctx, sub)
					if err != nil || at >= len(l) {
						return out, err
					}
					sort.Slice(l, func(i, j int) bool { return l[i].ID < l[j].ID })
					out = append(out, l[at:min(at+100, len(l))]...)
					pause(100 * time.Microsecond)
				}
			}
		}},
		{"Scan pages by expiry", []string{"pages/scans while they are touched"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					l, err := paged(func() (found, error) { return collected(own.next.Scan(ctx)), ctx.Err() })
					if err != nil {
						y(sessionstore.Entry{}, err)
						return
					}
					each(l, y)
				}
			}
		})},
		{"Scan pages by offset", []string{"pages/scans what its caller deletes"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					for at := 0; ; at += 100 {
						if err := ctx.Err(); err != nil {
							y(sessionstore.Entry{}, err)
							return
						}
						l := collected(own.next.Scan(ctx))
						sort.Slice(l, func(i, j int) bool { return l[i].ID < l[j].ID })
						if at >= len(l) {
							return
						}
						for _, e := range l[at:min(at+100, len(l))] {
							if !y(e, nil) {
								return
							}
						}
					}
				}
			}
		})},
		{"Scan that is broken off keeps its connection", []string{"scan/broken off many times"}, isolated(func(own *mutated) {
			var busy atomic.Int32
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					if busy.Load() > 9 {
						y(sessionstore.Entry{}, errors.New("memstore: too many connections"))
						return
					}
					busy.Add(1)
					for e, err := range own.next.Scan(ctx) {
						if !y(e, err) {
							return
						}
					}
					busy.Add(-1)
				}
			}
		})},
		{"Scan ends without a word when its context is done", []string{"scan/says that it was cut short"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					first := true
					for e, err := range own.next.Scan(ctx) {
						if !first && ctx.Err() != nil {
							return
						}
						first = false
						if !y(e, err) {
							return
						}
					}
				}
			}
		})},
		{"an iteration within another disturbs it", []string{"scan/within another"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				var l found
				i := 0
				return func(y yield) {
					if err := ctx.Err(); err != nil {
						y(sessionstore.Entry{}, err)
						return
					}
					l = collected(own.next.Scan(ctx))
					for i = 0; i < len(l) && y(l[i], nil); {
						i++
					}
				}
			}
		})},
		{"Scan slides an expiry that is near", []string{"expiry/none slides in a scan"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				l := collected(own.next.Scan(ctx))
				for _, e := range l {
					if time.Until(e.Record.Expires) < shortLife/2 {
						_ = own.next.Touch(ctx, e.ID, e.Record.Version, inAnHour())
					}
				}
				return own.next.Scan(ctx)
			}
		})},
	}
}

func paged(all func() (found, error)) (found, error) {
	var out found
	last := time.Time{}
	lastID := ""
	for {
		l, err := all()
		if err != nil {
			return nil, err
		}
		sort.Slice(l, func(i, j int) bool {
			if !l[i].Record.Expires.Equal(l[j].Record.Expires) {
				return l[i].Record.Expires.Before(l[j].Record.Expires)
			}
			return l[i].ID < l[j].ID
		})
		n := 0
		for _, e := range l {
			if e.Record.Expires.Before(last) || e.Record.Expires.Equal(last) && e.ID <= lastID {
				continue
			}
			out = append(out, e)
			last, lastID = e.Record.Expires, e.ID
			if n++; n == 100 {
				break
			}
		}
		if n < 100 {
			return out, nil
		}
		pause(time.Millisecond)
	}
}
