package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// fuzzCookieOnly returns the two kinds of Managers whose sessions travel in their
// cookies.
func fuzzCookieOnly(f *testing.F) []*Manager {
	f.Helper()
	key := GenerateKey()
	managers := make([]*Manager, 2)
	for i := range managers {
		var err error
		if managers[i], err = NewCookieOnly(Options{Keys: [][]byte{key}, Readable: i == 1}); err != nil {
			f.Fatal(err)
		}
	}
	return managers
}

func FuzzCookieOnly(f *testing.F) {
	managers := fuzzCookieOnly(f)
	own := make([]string, len(managers))
	for i, m := range managers {
		v := view{state: fullState(), rights: rights{started: wallNow()}}
		v.lifetime, v.ended = lifetime{}, false
		var err error
		if own[i], err = m.pack(&v, wallNow().Add(time.Hour)); err != nil {
			f.Fatal(err)
		}
		for _, value := range []string{own[i], own[i] + "A", own[i] + "=", own[i][1:], own[i] + "." + own[i]} {
			f.Add(value)
		}
		f.Add(own[i][:20] + "\n" + own[i][20:])
	}
	f.Add("")
	f.Add(".")
	f.Add("AAAAAAAAAAA.AAAA")
	f.Add(strings.Repeat("A", maxCookieSize))
	f.Fuzz(func(t *testing.T, value string) {
		for i, m := range managers {
			var found found
			err := found.open(m, &presented{ticket: value})
			if good := err == nil && found.stored != nil; good != (value == own[i]) {
				t.Errorf("it opens: %v, and we have made it: %v: %q", good, value == own[i], value)
			}
			if err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("%v, want ErrNotFound", err)
			}
		}
	})
}

// A cookie whose signature is good can have been made by another version.
func FuzzSignedData(f *testing.F) {
	m := fuzzCookieOnly(f)[1]
	full := fullState()
	f.Add(slices.Concat(make([]byte, 8), full.encode()))
	f.Add(make([]byte, 7))
	f.Add(make([]byte, 8))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		ticket := b64.EncodeToString(data) + string(ticketSep) + b64.EncodeToString(m.opts.Signer.Sign(m.purpose, data))
		var st, again state
		expires, err := m.unpack(ticket, &st)
		if err != nil {
			return
		}
		packed, err := m.pack(&view{state: st, rights: st.tickets[0].rights}, expires)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%x: it opens and can't be packed: %v", data, err)
		}
		if err == nil {
			if _, err := m.unpack(packed, &again); err != nil {
				t.Errorf("%x: packed again it does not open: %v", data, err)
			}
		}
	})
}
