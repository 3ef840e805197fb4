package conformance

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"strconv"
	"strings"
	"unicode"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func textMutants() []mutant {
	const lists, given = "text/lists differ in ", "text/given to one that looks the same"
	strip := func(of string) func(string) string {
		return func(s string) string {
			return strings.Map(func(r rune) rune {
				if strings.ContainsRune(of, r) {
					return -1
				}
				return r
			}, s)
		}
	}
	replace := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	return []mutant{
		alike("case is folded", strings.ToLower, lists+"case", "subjects/not other subjects", lists+"letters beyond 16 bits",
			lists+"compatibility", lists+"composition", lists+"words of a language"),
		alike("accents are dropped", replace("é", "e", "è", "e", "ñ", "n"), lists+"accents"),
		alike("composed and decomposed letters are one", replace("e\u0301", "é", "A\u030a", "Å", "\u212b", "Å"), lists+"composition"),
		alike("compatible letters are one", replace("\uff21", "A", "\ufb01", "fi", "\uff12", "2"), lists+"compatibility"),
		alike("spaces at the end are nothing", func(s string) string { return strings.TrimRight(s, " ") },
			lists+"spaces", "subjects/not other subjects"),
		alike("spaces around are nothing", strings.TrimSpace, lists+"spaces", lists+"numbers", lists+"patterns and separators",
			lists+"what is not seen", "subjects/not other subjects"),
		alike("what is not seen is nothing", strip("\u200b\u200d\u00ad"), lists+"what is not seen", lists+"letters beyond 16 bits"),
		alike("letters beyond 16 bits are one", func(s string) string {
			return strings.Map(func(r rune) rune {
				if r > 0xffff {
					return unicode.ReplacementChar
				}
				return r
			}, s)
		}, lists+"letters beyond 16 bits"),
		alike("what is no character is replaced", replace("\uffff", "\ufffd", "\ufdd0", "\ufffd"), lists+"letters beyond 16 bits"),
		alike("a CRC is all that counts",
			func(s string) string { return strconv.Itoa(int(crc32.ChecksumIEEE([]byte(s)))) }, lists+"a checksum"),
		alike("a hash of 32 bits is all that counts", func(s string) string {
			var h int32 // Java's
			for i := range len(s) {
				h = 31*h + int32(s[i])
			}
			return strconv.Itoa(int(h))
		}, lists+"a checksum"),
		alike("numbers are compared as such", func(s string) string {
			if strings.Trim(s, "0123456789.+") == "" && s != "" {
				return strings.TrimSuffix(strings.TrimLeft(s, "+0"), ".0")
			}
			return s
		}, lists+"numbers"),
		alike("subjects are cut at 191 bytes", func(s string) string { return s[:min(len(s), 191)] },
			lists+"the end of long ones", "subjects/longest subject"),
		alike("subjects are cut at 254 bytes", func(s string) string { return s[:min(len(s), 254)] }, lists+"the end of long ones"),
		alike("a subject ends at a colon", func(s string) string { s, _, _ = strings.Cut(s, ":"); return s },
			lists+"patterns and separators"),
		alike("a path is cleaned", replace("//", "/", "/./", "/"), lists+"patterns and separators"),
		alike("quotes are dropped", strip(`"'`), lists+"patterns and separators", lists+"words of a language"),
		{"Update does not move what looks the same", []string{given}, func(m *mutated) {
			var first memory[string]
			onGiven(m, func(id string, from, to sessionstore.Record) {
				if strings.TrimSpace(from.Subject) == strings.TrimSpace(to.Subject) {
					first.put(id, from.Subject)
				}
			})
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for _, id := range first.keys(func(s string) bool { return s == subject }) {
					if r, err := m.ref.Load(ctx, id); err == nil && r.Subject != subject {
						list = append(list, sessionstore.Entry{ID: id, Record: r})
					}
				}
				return list, err
			}
		}},
		{"Update trims the subject", []string{"text/subjects come back", given}, func(m *mutated) {
			onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) {
				if sessionstore.CheckRecord(*r) == nil {
					r.Subject = strings.TrimSpace(r.Subject)
				}
			})
		}},
		{"Update trims data", []string{"text/data comes back"}, func(m *mutated) {
			onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) { r.Data = bytes.TrimRight(r.Data, "\x00 ") })
		}},
		{"Touch trims data", []string{"text/data comes back"}, func(m *mutated) {
			var touched set
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				err := next(ctx)
				if method == "Touch" && err == nil {
					touched.add(id)
				}
				return err
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if touched.has(id) {
					r.Data = bytes.TrimRight(r.Data, "\x00")
				}
				return r, err
			}
		}},
	}
}

// alike returns a mutant whose ListSubject and DeleteSubject take subjects for the same if
// fold makes them so.
func alike(name string, fold func(string) string, breaks ...string) mutant {
	return mutant{"to a list, " + name, breaks, func(m *mutated) {
		created := m.created()
		var given memory[string]
		onGiven(m, func(id string, _, to sessionstore.Record) { given.put(id, to.Subject) })
		m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
			list, err := m.next.ListSubject(ctx, subject)
			if err != nil {
				return nil, err
			}
			others := created.keys(func(r sessionstore.Record) bool {
				return r.Subject != subject && sessionstore.CheckSubject(r.Subject) == nil && fold(r.Subject) == fold(subject)
			})
			for _, id := range others {
				if _, ok := given.get(id); ok {
					continue
				}
				if r, err := m.ref.Load(ctx, id); err == nil {
					list = append(list, sessionstore.Entry{ID: id, Record: r})
				} else if !errors.Is(err, sessionstore.ErrNotFound) {
					return nil, err
				}
			}
			return list, nil
		}
	}}
}
