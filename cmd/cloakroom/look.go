package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var (
	// errNoSession says that what was asked for is not there.
	errNoSession = errors.New("there is no session")

	// errEmpty says that nothing at all is there, and that may be because of the address:
	// whoever ends or copies everybody's sessions must not believe that it is done.
	errEmpty = fmt.Errorf("%w: is this the application's store, with its prefix, table or collection?", errNoSession)
)

// counts are the result of count.
type counts struct {
	Sessions   int64 `json:"sessions"`
	SignedIn   int64 `json:"signedIn"`
	Anonymous  int64 `json:"anonymous"`
	Unreadable int64 `json:"unreadable"` // whether they have ended is not known
	Damaged    int64 `json:"damaged"`
}

func runCount(ctx context.Context, x *call) error {
	return x.with(ctx, func(s *storeurl.Opened) error {
		a, err := x.admin(s)
		if err != nil {
			return err
		}
		var n counts
		err = x.scan(ctx, s.Store, func(e sessionstore.Entry, damage error) (bool, error) {
			switch _, err := a.Describe(e); {
			case damage != nil:
				n.Damaged++
			case errors.Is(err, session.ErrNotFound): // what is left of one that has ended
			case err != nil && !errors.Is(err, sessionstore.ErrCorrupt):
				return false, err
			case err != nil:
				n.Unreadable++
			case e.Record.Subject != "":
				n.Sessions++
				n.SignedIn++
			default:
				n.Sessions++
				n.Anonymous++
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		if x.json {
			return printJSON(x.stdout, n)
		}
		t := newTable(x.stdout)
		for _, r := range []struct {
			name   string
			n      int64
			always bool
		}{
			{"sessions", n.Sessions, true},
			{"signed in", n.SignedIn, true},
			{"anonymous", n.Anonymous, true},
			{"unreadable", n.Unreadable, false},
			{"damaged", n.Damaged, false},
		} {
			if r.always || r.n > 0 {
				t.row(r.name, strconv.FormatInt(r.n, 10))
			}
		}
		x.hintUnreadable(n.Unreadable)
		return t.done()
	})
}

func (x *call) hintUnreadable(n int64) {
	if n > 0 {
		x.note(number(int(n), "session") + " can't be read: are they sealed? " + sealerVariable + " holds the Sealer's keys")
	}
}

// scan goes through all records, for as long as f returns true. It hands damaged ones
// over with an error.
func (x *call) scan(ctx context.Context, s sessionstore.Store, f func(sessionstore.Entry, error) (bool, error)) error {
	var n atomic.Int64
	stop := x.progress(func() string { return number(int(n.Load()), "record") + " so far" })
	defer stop()
	for e, err := range sessionstore.Scan(ctx, s) {
		if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
			return err
		}
		n.Add(1)
		if more, err := f(e, err); !more || err != nil {
			return err
		}
	}
	return nil
}

// A view is what is printed of a session: never a ticket.
type view struct {
	ID            string    `json:"id"`
	Subject       string    `json:"subject"`
	Actor         string    `json:"actor,omitempty"` // who acts as the subject
	Started       time.Time `json:"started,omitzero"`
	Authenticated time.Time `json:"authenticated,omitzero"`
	LastSeen      time.Time `json:"lastSeen,omitzero"`
	Expires       time.Time `json:"expires"`
	Bytes         int       `json:"bytes"`
	Values        []value   `json:"values,omitempty"`
	Messages      []message `json:"messages,omitempty"`
}

// A value is one in a session. Data is what it is encoded as, if that is not JSON.
type value struct {
	Name  string          `json:"name"`
	Bytes int             `json:"bytes"`
	Value json.RawMessage `json:"value,omitempty"`
	Data  []byte          `json:"data,omitempty"`
}

// A message was left for the visitor's next page, and not shown yet.
type message struct {
	Category string `json:"category"`
	Message  string `json:"message"`
}

func (x *call) view(i session.Info, r sessionstore.Record) view {
	v := view{
		ID: i.ID, Subject: i.Subject, Actor: i.Actor, Started: i.Started, Authenticated: i.Authenticated,
		Expires: i.Expires, Bytes: len(r.Data),
	}
	if x.idle > 0 {
		v.LastSeen = i.LastSeen
	}
	return v
}

func runList(ctx context.Context, x *call) error {
	subject := x.args[0]
	return x.with(ctx, func(s *storeurl.Opened) error {
		a, err := x.admin(s)
		if err != nil {
			return err
		}
		entries, err := x.listSubject(ctx, s.Store, subject)
		if err != nil {
			return err
		}
		list := make([]view, 0, len(entries))
		unreadable := int64(0)
		for _, e := range entries {
			switch i, err := a.Describe(e); {
			case err == nil:
				list = append(list, x.view(i, e.Record))
			case !errors.Is(err, session.ErrNotFound):
				unreadable++
			}
		}
		slices.SortFunc(list, func(a, b view) int { return b.Started.Compare(a.Started) })
		x.hintUnreadable(unreadable)
		if x.json {
			return printJSON(x.stdout, list)
		}
		return x.printList(list)
	})
}

func (x *call) printList(list []view) error {
	head := []string{"ID", "STARTED", "AUTHENTICATED", "EXPIRES", "BYTES"}
	if x.idle > 0 {
		head = append(head, "LAST SEEN")
	}
	acting := slices.ContainsFunc(list, func(v view) bool { return v.Actor != "" })
	if acting {
		head = append(head, "ACTOR")
	}
	t := newTable(x.stdout, head...)
	for i := range list {
		v := &list[i]
		cells := []string{v.ID, moment(v.Started), moment(v.Authenticated), moment(v.Expires), strconv.Itoa(v.Bytes)}
		if x.idle > 0 {
			cells = append(cells, moment(v.LastSeen))
		}
		if acting {
			cells = append(cells, name(v.Actor))
		}
		t.row(cells...)
	}
	return t.done()
}

// listSubject returns the records of a subject, and says on stderr if some are damaged.
func (x *call) listSubject(ctx context.Context, s sessionstore.Store, subject string) ([]sessionstore.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	entries, err := sessionstore.ListSubject(ctx, s, subject)
	if errors.Is(err, sessionstore.ErrCorrupt) {
		x.note("some are missing: " + err.Error())
		err = nil
	}
	return entries, err
}

// find looks for the session with a public id: among a subject's, if x.subject says so,
// or all.
func (x *call) find(ctx context.Context, s sessionstore.Store, a *session.Admin, id string) (sessionstore.Entry, session.Info, error) {
	var at sessionstore.Entry
	var found session.Info
	unreadable := int64(0)
	look := func(e sessionstore.Entry, damage error) (bool, error) {
		i, err := a.Describe(e)
		switch {
		case damage != nil, err != nil && !errors.Is(err, session.ErrNotFound):
			unreadable++
		case err == nil && i.ID == id:
			at, found = e, i
			return false, nil
		}
		return true, nil
	}
	var err error
	if x.subject == "" {
		err = x.scan(ctx, s, look)
	} else {
		var entries []sessionstore.Entry
		entries, err = x.listSubject(ctx, s, x.subject)
		for _, e := range entries {
			if more, _ := look(e, nil); !more {
				break
			}
		}
	}
	if err == nil && found.ID == "" {
		x.hintUnreadable(unreadable)
		err = fmt.Errorf("%w %s", errNoSession, quote(id))
	}
	return at, found, err
}

// maxCell is the most of a value that a table shows.
const maxCell = 200

func runShow(ctx context.Context, x *call) error {
	if !isID(x.args[0]) {
		return noID(x.args[0])
	}
	return x.with(ctx, func(s *storeurl.Opened) error {
		a, err := x.admin(s)
		if err != nil {
			return err
		}
		e, i, err := x.find(ctx, s.Store, a, x.args[0])
		if err != nil {
			return err
		}
		v := x.view(i, e.Record)
		for name, data := range i.Values() {
			if json.Valid(data) {
				v.Values = append(v.Values, value{Name: name, Bytes: len(data), Value: data})
			} else {
				v.Values = append(v.Values, value{Name: name, Bytes: len(data), Data: data})
			}
		}
		for _, f := range i.Flashes() {
			v.Messages = append(v.Messages, message(f))
		}
		if x.json {
			return printJSON(x.stdout, v)
		}
		return x.printView(v)
	})
}

// name prints a subject or an actor, a dash for nobody.
func name(who string) string {
	if who == "" {
		return "-"
	}
	return quote(who)
}

func (x *call) printView(v view) error {
	t := newTable(x.stdout)
	t.row("id", v.ID)
	t.row("subject", name(v.Subject))
	if v.Actor != "" {
		t.row("actor", name(v.Actor))
	}
	t.row("started", moment(v.Started))
	t.row("authenticated", moment(v.Authenticated))
	if x.idle > 0 {
		t.row("last seen", moment(v.LastSeen))
	}
	t.row("expires", moment(v.Expires))
	t.row("bytes", strconv.Itoa(v.Bytes))
	for i, item := range v.Values {
		if i == 0 {
			t.next("NAME", "BYTES", "VALUE")
		}
		t.row(quote(item.Name), strconv.Itoa(item.Bytes), item.cell())
	}
	for i, m := range v.Messages {
		if i == 0 {
			t.next("CATEGORY", "MESSAGE")
		}
		t.row(quote(m.Category), cut(quote(m.Message)))
	}
	return t.done()
}

// cell returns a value for a table, cut if it is long.
func (v value) cell() string {
	text := string(v.Value)
	if v.Value == nil {
		text = strconv.Quote(string(v.Data[:min(maxCell, len(v.Data))]))
	}
	return plain(cut(text))
}

// cut returns what a table shows of a text.
func cut(text string) string {
	if r := []rune(text[:min(4*maxCell, len(text))]); len(r) > maxCell || len(text) > 4*maxCell {
		return string(r[:min(maxCell, len(r))]) + " … (-json prints all)"
	}
	return text
}
