package migrate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// grace is how long requests with the old cookie may be under way after the visitor has
// come back with ours: what a browser sends from then on has that. A record that could not
// be deleted is tried again as late.
const grace = 30 * time.Second

// deleteTimeout bounds how long a visitor waits for an old record to be deleted.
const deleteTimeout = time.Second

// A note of a session says which record it came from, and who was signed in there, since
// when the visitor is known to have our cookie, and whether the record has been deleted.
type note struct {
	Source  string    `json:"source"`
	Record  string    `json:"record"`
	Subject string    `json:"subject,omitempty"`
	Back    time.Time `json:"back,omitzero"` // or when deleting it was tried; zero: they may not have it
	Settled bool      `json:"settled,omitempty"`
}

var noted = session.NewKey[note]("cloakroom.migrate")

// origin names the old session for all requests that bring it. One without a record is
// named by what is signed of its cookie, or by all of that name in r where a source of
// another package does not say which it is. Of an anonymous one that says nothing: such a
// cookie holds no more than a language, perhaps, and is another visitor's as well.
func (n *note) origin(r *http.Request, source Source, old Legacy) string {
	parts := []string{n.Source, n.Record}
	switch {
	case n.Record != "":
	case n.Subject == "":
		return ""
	case old.cookie != "":
		parts = append(parts, old.cookie)
	default:
		for _, c := range r.CookiesNamed(source.Expired().Name) {
			parts = append(parts, c.Value)
		}
	}
	return strings.Join(parts, "\x00")
}

// noteAgain takes over the note of the visitor's session. Whoever brings the old cookie again
// has not got ours yet, and neither have others of their requests.
func (rc *Reception) noteAgain(v *visit, n note) {
	v.note = n
	if was, ok := noted.Lookup(v.s); ok {
		v.note = was
	}
	if !v.note.Back.IsZero() {
		v.note.Back = time.Time{}
		noted.Set(v.s, v.note)
	}
}

// settle deletes the old record of a visitor who has come back with our cookie, when no
// request without it is under way any more.
func (rc *Reception) settle(ctx context.Context, v *visit) {
	switch {
	case v.note.Back.IsZero():
		v.note.Back = time.Now()
	case time.Since(v.note.Back) >= grace:
		v.note.Settled, v.note.Back = rc.forget(ctx, v.note), time.Now()
	default:
		return
	}
	noted.Set(v.s, v.note)
}

// leave deletes the old record of a visitor who has signed out. One who has signed in as
// somebody else with the request that brought the old cookie needs it until they come back,
// for the answer may be lost, and gets the note back. Who begins to act as another has come
// back: the note is in their own session, and out of reach if they sign out.
func (rc *Reception) leave(ctx context.Context, v visit) {
	if v.over.Record != "" {
		if id := v.s.ID(); id != "" && id != v.id && v.s.Subject() == "" {
			rc.forget(ctx, v.over)
		}
	}
	if v.note.Record == "" || v.s.Has(noted.Name()) {
		return
	}
	switch id := v.s.ID(); {
	case v.s.Actor() != "":
		if !v.note.Settled && !rc.opts.KeepOldCookie {
			rc.forget(ctx, v.note)
		}
		return
	case id == "": // it is not this request that has ended it
		return
	case id != v.id && (!v.guest || v.s.Subject() == ""):
		_ = v.s.Commit(context.WithoutCancel(ctx)) // if that fails, it is tried again before the header leaves
		if !v.note.Settled && !rc.opts.KeepOldCookie {
			rc.forget(ctx, v.note)
		}
		rc.endMovedIn(ctx, v.note)
		return
	}
	noted.Set(v.s, v.note)
	if err := v.s.Commit(context.WithoutCancel(ctx)); err != nil { // the visitor may have gone
		rc.log().WarnContext(ctx, "migrate: can't note which old record is to be deleted", "error", err)
	}
}

// endMovedIn ends the session that was made of a record, if there is one besides the
// visitor's, and keeps requests that have read the record from making one.
func (rc *Reception) endMovedIn(ctx context.Context, n note) {
	err := rc.sessions.EndMovedIn(context.WithoutCancel(ctx), n.origin(nil, nil, Legacy{}), n.Subject)
	if err != nil && !errors.Is(err, session.ErrUnsupported) {
		rc.log().ErrorContext(ctx, "migrate: can't end the session of an old record", "error", err)
	}
}

// forget deletes an old record, and reports whether there is nothing left to do.
func (rc *Reception) forget(ctx context.Context, n note) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	err := rc.deleteRecord(ctx, n)
	if err != nil {
		rc.log().ErrorContext(ctx, "migrate: can't delete an old record", "source", n.Source, "error", err)
		rc.tell(ctx, Event{Kind: EventFailed, Source: n.Source, Err: err})
	}
	return err == nil
}

// deleteRecord deletes the record of a note, if its source is there still.
func (rc *Reception) deleteRecord(ctx context.Context, n note) error {
	for _, source := range rc.opts.Sources {
		if nameOf(source) == n.Source {
			return source.Delete(ctx, n.Record)
		}
	}
	return nil
}

// nameOf names a source for logs and events, and in a note, which outlives the
// process. The source itself holds keys.
func nameOf(source Source) string { return fmt.Sprintf("%T %s", source, source.Expired().Name) }

// hasRecords reports whether a source may have to delete something. Those of other
// packages are taken to.
func hasRecords(source Source) bool {
	s, ok := source.(interface{ hasRecords() bool })
	return !ok || s.hasRecords()
}

func (f Flask) hasRecords() bool        { return false }
func (s Starlette) hasRecords() bool    { return false }
func (s Starsessions) hasRecords() bool { return s.Records != nil }
func (g Gorilla) hasRecords() bool      { return g.Records != nil || g.Dir != "" }
