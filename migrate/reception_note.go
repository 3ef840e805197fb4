package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// grace is how long requests with the old cookie may be under way after the visitor
// was let in. A record that could not be deleted is tried again as late.
const grace = 30 * time.Second

// deleteTimeout bounds how long a visitor waits for an old record to be deleted.
const deleteTimeout = time.Second

// A note of a session says which record it came from, since when there is one, and
// whether the record has been deleted.
type note struct {
	Source  string    `json:"source"`
	Record  string    `json:"record"`
	Taken   time.Time `json:"taken"`
	Settled bool      `json:"settled,omitempty"`
}

var noted = session.NewKey[note]("migrate.taken")

// settle deletes the old record of a visitor who has come back with our cookie.
func (rc *Reception) settle(ctx context.Context, v *visit) {
	v.note.Settled, v.note.Taken = rc.forget(ctx, v.note), time.Now()
	noted.Set(v.s, v.note)
}

// leave deletes the old record of a visitor who has signed out. One who has only cleared
// the values may still need it, and gets the note back. While somebody acts as another,
// the note is in their own session.
func (rc *Reception) leave(ctx context.Context, v visit) {
	switch {
	case v.note.Record == "" || v.s.Has(noted.Name()) || v.s.Actor() != "":
	case v.s.ID() != v.id:
		if !v.note.Settled && !rc.opts.Keep {
			rc.forget(ctx, v.note)
		}
		if v.s.ID() != "" { // it was this request that ended the session
			rc.endSiblings(ctx, v)
		}
	default:
		noted.Set(v.s, v.note)
		if err := v.s.Commit(context.WithoutCancel(ctx)); err != nil { // the visitor may have gone
			rc.log().WarnContext(ctx, "migrate: can't note which old record is to be deleted", "error", err)
		}
	}
}

// endSiblings ends the sessions of other requests that came with the same record. The
// answer to one of them may be on its way, and must not undo the logout.
func (rc *Reception) endSiblings(ctx context.Context, v visit) {
	if v.subject == "" {
		return
	}
	_, err := rc.sessions.EndIf(context.WithoutCancel(ctx), v.subject, func(i session.Info) bool {
		n, ok := noted.From(i)
		return ok && i.ID != v.id && n.Source == v.note.Source && n.Record == v.note.Record
	})
	if err != nil && !errors.Is(err, session.ErrUnsupported) {
		rc.log().ErrorContext(ctx, "migrate: can't end the other sessions of an old record", "error", err)
	}
}

// forget deletes an old record, and reports whether there is nothing left to do.
func (rc *Reception) forget(ctx context.Context, n note) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	for _, source := range rc.opts.Sources {
		if nameOf(source) != n.Source {
			continue
		}
		if err := source.Delete(ctx, n.Record); err != nil {
			rc.log().ErrorContext(ctx, "migrate: can't delete an old record", "source", nameOf(source), "error", err)
			rc.tell(ctx, Event{Kind: EventFailed, Source: nameOf(source), Err: err})
			return false
		}
	}
	return true
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
