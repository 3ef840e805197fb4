package conformance

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func idMutants() []mutant {
	all := []mutant{
		{"ids that look like options fail", []string{"ids/edges of the alphabet"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if strings.HasPrefix(id, "----") {
					return errors.New("memstore: unknown option")
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		sameIDs("ids are folded to lower case", "ids/differ in case", strings.ToLower),
		sameIDs("ids are cut", "ids/differ in one character", func(id string) string { return id[:min(len(id), sessionstore.IDLen-1)] }),
		sameIDs("ids of digits are numbers", "ids/digits alone", func(id string) string {
			if number, err := strconv.ParseFloat(id, 64); err == nil {
				return strconv.FormatFloat(number, 'g', -1, 64)
			}
			return id
		}),
		{"Delete deletes before it refuses", []string{"ids/others touch nothing"}, func(m *mutated) {
			m.remove = func(ctx context.Context, id string) error {
				if len(id) > sessionstore.IDLen {
					_ = m.next.Delete(ctx, id[:sessionstore.IDLen])
				}
				return m.next.Delete(ctx, id)
			}
		}},
	}
	for _, method := range methods() {
		if name := method.name; method.byID {
			all = append(all, mutant{name + " takes any id", []string{"ids/" + name + " refuses others"}, func(m *mutated) {
				m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
					if valid := sessionstore.CheckID(id) == nil; valid || method != name {
						return next(ctx)
					}
					return nil
				}
			}})
		}
	}
	return all
}

// sameIDs returns a mutant for which ids are the same if fold makes them so.
func sameIDs(name, breaks string, fold func(string) string) mutant {
	return mutant{name, []string{breaks}, func(m *mutated) {
		var owners memory[string]
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			if owner, ok := owners.get(fold(id)); ok && owner != id && sessionstore.CheckID(id) == nil {
				return sessionstore.ErrExists
			}
			err := m.next.Create(ctx, id, r)
			if err == nil {
				owners.put(fold(id), id)
			}
			return err
		}
	}}
}

func limitMutants() []mutant {
	all := []mutant{
		{
			"the longest subject is too long",
			[]string{"limits/longest subject"},
			func(m *mutated) {
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if len(r.Subject) >= sessionstore.MaxSubjectLen {
						return sessionstore.ErrInvalid
					}
					return m.next.Create(ctx, id, r)
				}
			},
		},
		{"the largest data is too large", []string{"limits/largest data", "load/large data"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if len(r.Data) >= referenceMaxData {
					return sessionstore.ErrTooLarge
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		{"Create cuts what is too large", []string{"limits/too large to create"}, func(m *mutated) {
			onCreate(m, cut)
		}},
		{"Update cuts what is too large", []string{"limits/too large to update"}, func(m *mutated) {
			onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) { cut(r) })
		}},
		{"Create stores what it refuses", []string{"limits/create with a subject with NUL"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				err := m.next.Create(ctx, id, r)
				if strings.Contains(r.Subject, "\x00") {
					r.Subject = ""
					return errors.Join(err, m.next.Create(ctx, id, r))
				}
				return err
			}
		}},
	}
	for _, bad := range []struct {
		name string
		is   func(r sessionstore.Record) bool
	}{
		{"version zero", func(r sessionstore.Record) bool { return r.Version == 0 }},
		{"a subject of 256 bytes", func(r sessionstore.Record) bool { return len(r.Subject) > sessionstore.MaxSubjectLen }},
		{"a subject with NUL", func(r sessionstore.Record) bool { return strings.Contains(r.Subject, "\x00") }},
		{"a subject that is not UTF-8", func(r sessionstore.Record) bool {
			return strings.Contains(r.Subject, "\xc3") && strings.ToValidUTF8(r.Subject, "") != r.Subject
		}},
		{"a subject of 256 bytes in fewer letters", func(r sessionstore.Record) bool {
			return len(r.Subject) > sessionstore.MaxSubjectLen && utf8.RuneCountInString(r.Subject) <= sessionstore.MaxSubjectLen
		}},
		{"a subject with half a surrogate pair", func(r sessionstore.Record) bool { return strings.Contains(r.Subject, surrogate) }},
		{"an expiry that is over now", func(r sessionstore.Record) bool { return dead(r) && r.Expires.Unix() == time.Now().Unix() }},
		{"no expiry", func(r sessionstore.Record) bool { return r.Expires.IsZero() }},
		{"an expiry in the past", func(r sessionstore.Record) bool { return dead(r) && !r.Expires.IsZero() }},
		{"an expiry too far off", func(r sessionstore.Record) bool { return r.Expires.Year() > 2262 }},
		{"an expiry a nanosecond too far off", func(r sessionstore.Record) bool {
			return r.Expires.Year() == 2262 && sessionstore.CheckExpires(r.Expires) != nil
		}},
		{"an expiry centuries too far off", inNanoseconds},
		{"an expiry centuries ago", inNanoseconds},
	} {
		all = append(all,
			mutant{"Create takes " + bad.name, []string{"limits/create with " + bad.name}, func(m *mutated) {
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if bad.is(r) && ctx.Err() == nil {
						return nil
					}
					return m.next.Create(ctx, id, r)
				}
			}},
			mutant{"Update takes " + bad.name, []string{"limits/update with " + bad.name}, func(m *mutated) {
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					if bad.is(r) && ctx.Err() == nil {
						return nil
					}
					return m.next.Update(ctx, id, old, r)
				}
			}})
	}
	return all
}

// inNanoseconds reports whether r lives by a number of nanoseconds that has run over.
func inNanoseconds(r sessionstore.Record) bool {
	year := r.Expires.Year()
	return (year < 1678 || year > 2262) && !r.Expires.IsZero() && r.Expires.UnixNano() > time.Now().UnixNano()
}

func cut(r *sessionstore.Record) { r.Data = r.Data[:min(len(r.Data), referenceMaxData)] }

func errorMutants() []mutant {
	return []mutant{
		{"ErrExists is ErrConflict too", []string{"errors/one sentinel each"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				err := m.next.Create(ctx, id, r)
				if errors.Is(err, sessionstore.ErrExists) {
					return errors.Join(err, sessionstore.ErrConflict)
				}
				return err
			}
		}},
		{"every ErrConflict is ErrRepeated", []string{"errors/one sentinel each"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if errors.Is(err, sessionstore.ErrConflict) {
					return errors.Join(err, sessionstore.ErrRepeated)
				}
				return err
			}
		}},
		{"ErrConflict names the subject", []string{"errors/no data"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if errors.Is(err, sessionstore.ErrConflict) {
					return fmt.Errorf("%w: the record of %s", err, r.Subject)
				}
				return err
			}
		}},
		tellsData("errors quote the data", "%w: %q"),
		tellsData("errors list the data", "%w: %v"),
		tellsData("errors have the data in hex", "%w: %x"),
	}
}

// tellsData returns a mutant that has the data in an error, in this format.
func tellsData(name, format string) mutant {
	return mutant{name, []string{"errors/no data"}, func(m *mutated) {
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			err := m.next.Create(ctx, id, r)
			if errors.Is(err, sessionstore.ErrExists) {
				return fmt.Errorf(format, err, r.Data)
			}
			return err
		}
	}}
}

func outageMutants() []mutant {
	return []mutant{
		outage("an outage is a success", []string{"outage/is no answer"}, nil),
		outage("an outage is not found", []string{"outage/is no answer"},
			fmt.Errorf("memstore: %w: %w", sessionstore.ErrNotFound, errDown)),
		outage("an outage hides its cause", []string{"outage/wraps the driver's error"}, errors.New("memstore: "+errDown.Error())),
		outage("an outage names no package", []string{"outage/names the package"}, errDown),
	}
}

// outage returns a mutant whose Load answers so when the backend is down.
func outage(name string, breaks []string, err error) mutant {
	return mutant{name, breaks, func(m *mutated) {
		m.Outage = func(testing.TB) (sessionstore.Store, error) {
			b := down()
			right := b.around
			b.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method == "Load" {
					return err
				}
				return right(ctx, method, id, next)
			}
			return b, errDown
		}
	}}
}
