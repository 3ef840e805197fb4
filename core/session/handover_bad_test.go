package session_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// tagTicket is the tag of a ticket in a record's data, as the golden encoding shows.
const tagTicket = 2

// fields splits a record's data behind its first byte into its fields.
func fields(tb testing.TB, data []byte) (list [][]byte) {
	tb.Helper()
	for rest := data[1:]; len(rest) > 0; {
		_, tag := binary.Uvarint(rest)
		size, n := binary.Uvarint(rest[tag:])
		end := tag + n + int(size)
		list = append(list, rest[:end:end])
		rest = rest[end:]
	}
	return list
}

// tickets returns where the list of tickets begins and ends.
func tickets(list [][]byte) (from, to int) {
	isTicket := func(f []byte) bool { return f[0] == tagTicket }
	from = slices.IndexFunc(list, isTicket)
	for to = from; to < len(list) && isTicket(list[to]); {
		to++
	}
	return from, to
}

// damages are what may become of a list of tickets, or of who wants to be let in.
var damages = map[string]func(list [][]byte) [][]byte{
	"the list is gone": func(list [][]byte) [][]byte {
		from, to := tickets(list)
		return slices.Delete(list, from, to)
	},
	"an entry is there twice": func(list [][]byte) [][]byte {
		from, _ := tickets(list)
		return slices.Insert(list, from, list[from])
	},
	"an entry is repeated at the end": func(list [][]byte) [][]byte {
		from, to := tickets(list)
		return slices.Insert(list, to, list[from])
	},
	"the order is another": func(list [][]byte) [][]byte {
		from, to := tickets(list)
		slices.Reverse(list[from:to])
		return list
	},
	"an entry is cut": func(list [][]byte) [][]byte {
		from, _ := tickets(list)
		_, n := binary.Uvarint(list[from][1:])
		list[from] = append([]byte{tagTicket, 52}, list[from][1+n:][:52]...)
		return list
	},
	"an entry is empty": func(list [][]byte) [][]byte {
		from, _ := tickets(list)
		list[from] = []byte{tagTicket, 0}
		return list
	},
	"there are a hundred entries": func(list [][]byte) [][]byte {
		from, to := tickets(list)
		for i := range 100 {
			entry := slices.Clone(list[to-1])
			entry[len(entry)-1], entry[3] = byte(i+100), byte(i) // another hash
			list = slices.Insert(list, from, entry)
		}
		return list
	},
}

// TestADamagedListOfTicketsOpensNothingAndLocksNobodyOut has a record whose list is not
// as this package wrote it.
func TestADamagedListOfTicketsOpensNothingAndLocksNobodyOut(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			b := member(e)
			b.do(renew)
			list, err := e.mem.ListSubject(t.Context(), "ann")
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			id, r := list[0].ID, list[0].Record
			old := r.Version
			r.Version, r.Data = sessionstore.NewVersion(), append([]byte{r.Data[0]}, slices.Concat(damage(fields(t, r.Data))...)...)
			if err := e.mem.Update(t.Context(), id, old, r); err != nil {
				t.Fatal(err)
			}
			for what, page := range pages {
				if found := b.sees(); found.subject != "" {
					t.Errorf("a damaged record opens a session of %q", found.subject)
				}
				if offers(b.ask(page)) {
					t.Errorf("a page that %s replaces the cookie", what)
				}
			}
			if now, err := e.mem.Load(t.Context(), id); err != nil || now.Version != r.Version {
				t.Errorf("the record is not as it was: %v", err)
			}
			loggedOut := b.at(e.m)
			b.do(authenticate)
			b.do(fillCart)
			b.wantSignedIn()
			if loggedOut.do(destroy); loggedOut.ticket != "" {
				t.Error("a logout leaves the cookie")
			}
			if _, err := e.mem.Load(t.Context(), id); err == nil {
				t.Error("a logout leaves the record")
			}
		})
	}
}

// TestACutRecordOpensNothingThatIsNotThere cuts a record anywhere.
func TestACutRecordOpensNothingThatIsNotThere(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	b.do(stepTo("2fa", time.Hour))
	list, err := e.mem.ListSubject(t.Context(), "ann")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	id, r := list[0].ID, list[0].Record
	whole := r.Data
	for n := range whole {
		old := r.Version
		r.Version, r.Data = sessionstore.NewVersion(), whole[:n]
		if err := e.mem.Update(t.Context(), id, old, r); err != nil {
			t.Fatal(err)
		}
		var level bool
		res := b.ask(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { level = s.SteppedUp("admin") })
		if wantStatus(t, res, http.StatusOK); level {
			t.Errorf("cut at %d: a level is there that nobody has", n)
		}
		now, err := e.mem.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		r.Version = now.Version
	}
}

// TestAThousandMovesInARow are all taken, or none.
func TestAThousandMovesInARow(t *testing.T) {
	t.Parallel()
	for _, m := range moves[1:3] {
		for _, taken := range []bool{true, false} {
			for _, pause := range []time.Duration{0, time.Minute} {
				t.Run(fmt.Sprintf("%s, taken %v, every %v", m.name, taken, pause), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						e := newEnv(t, func(o *session.Options) { o.AbsoluteTimeout = 30 * 24 * time.Hour })
						b := member(e)
						refused := 0
						for range 1000 {
							res := b.ask(m.make)
							if res.StatusCode != http.StatusOK {
								refused++
							}
							if taken {
								b.take(res)
							}
							pass(pause)
						}
						if taken && refused > 0 {
							t.Errorf("%d were refused", refused)
						}
						list, err := e.mem.ListSubject(t.Context(), "ann")
						if err != nil || len(list) != 1 || len(list[0].Record.Data) > 2048 {
							t.Errorf("%d records, %v; the first: %d bytes", len(list), err, len(list[0].Record.Data))
						}
						b.wantSignedIn()
						pass(11 * time.Minute)
						b.do(fillCart)
						wantStatus(t, b.do(m.make), http.StatusOK)
						b.wantSignedIn()
					})
				})
			}
		}
	}
}

// TestAnAPIClientThatNeverTakesATicketLivesForAYear holds what its first login gave it.
func TestAnAPIClientThatNeverTakesATicketLivesForAYear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) {
			o.Header = "X-Ticket"
			o.RenewEvery = renewAge
			o.IdleTimeout, o.AbsoluteTimeout = 30*24*time.Hour, session.NoTimeout
		})
		b := newBrowser(e)
		b.field = "X-Ticket"
		b.signIn()
		first, offered := b.ticket, 0
		for range 366 {
			for _, pause := range []time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour, 20 * time.Hour} {
				for _, page := range []handler{look, count} {
					res := b.ask(page)
					if wantStatus(t, res, http.StatusOK); offers(res) {
						offered++
					}
				}
				pass(pause)
			}
			if b.sees().subject != "ann" {
				t.Fatal("signed out")
			}
		}
		if offered == 0 || offered > 366*5 {
			t.Errorf("%d tickets were offered in a year", offered)
		}
		if b.ticket != first {
			t.Error("the ticket is another one")
		}
		b.do(renew)
		b.wantSignedIn()
		if b.ticket == first {
			t.Error("no ticket was handed out in the end")
		}
	})
}

// TestATombstoneThatIsForgottenBringsNothingBack has a cache that drops what it likes.
func TestATombstoneThatIsForgottenBringsNothingBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	late := b.at(e.m)
	list, err := e.mem.ListSubject(t.Context(), "ann")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	finish := late.start(count)
	b.do(destroy)
	if err := e.mem.Delete(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	res := finish()
	wantStatus(t, res, http.StatusOK)
	wantNoTicket(t, res)
	if _, err := e.mem.Load(t.Context(), list[0].ID); err == nil {
		t.Error("the session is back")
	}
	old := late.ticket
	late.do(fillCart) // a new visitor's, under another ticket
	if late.ticket[:20] == old[:20] {
		t.Error("a new session has an old name")
	}
	if late.sees().subject != "" {
		t.Error("somebody is signed in")
	}
}

// TestAFullListCostsReadersNothing has a renewal due for which there is no room.
func TestAFullListCostsReadersNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.RenewGrace, o.RenewEvery = time.Second, 2*time.Second })
		b := member(e)
		status := http.StatusOK
		for status == http.StatusOK {
			status = b.ask(renew).StatusCode
		}
		pass(3 * time.Second)
		e.store.taken()
		for range 5 {
			wantStatus(t, b.ask(look), http.StatusOK)
		}
		if calls := e.store.taken(); calls[opUpdate] > 0 || calls[opLoad] != 5 {
			t.Errorf("five pages that read make %v", calls)
		}
		pass(11 * time.Minute)
		b.do(count)
		b.do(renew)
		b.wantSignedIn()
	})
}
