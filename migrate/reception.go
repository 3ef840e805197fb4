package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A Reception lets visitors in who come with a session of another framework. It is
// safe for concurrent use.
type Reception struct {
	sessions *session.Manager
	opts     Options
	notes    bool // whether sessions note which record they came from
}

// NewReception returns a Reception for the sessions of a Manager. It returns an
// error that says what to do if an option can't work.
func NewReception(sessions *session.Manager, o Options) (*Reception, error) {
	if sessions == nil {
		return nil, errors.New("migrate: the Manager is nil")
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	for i, source := range o.Sources {
		if name := source.Expired().Name; carries(sessions, http.Header{"Cookie": {name + "=x"}}) {
			return nil, fmt.Errorf("migrate: Options.Sources[%d]: its cookie has the name of ours, %s: "+
				"set session.Options.Cookie.Name to another", i, name)
		}
	}
	return &Reception{sessions: sessions, opts: o, notes: slices.ContainsFunc(o.Sources, hasRecords)}, nil
}

// carries reports whether a request's header has what the Manager's tickets travel in.
func carries(sessions *session.Manager, h http.Header) bool {
	r := &http.Request{Header: h.Clone()}
	sessions.StripTicket(r)
	return len(r.Header) < len(h) || len(strings.Join(r.Header["Cookie"], "")) != len(strings.Join(h["Cookie"], ""))
}

// Handler returns a handler that lets visitors in before it calls next. It works
// within [session.Manager.Handler]:
//
//	http.ListenAndServe(":8080", sessions.Handler(reception.Handler(mux)))
//
// A request that brings an old cookie which verifies, and no session of ours in which
// somebody is signed in, gets one: with the values that Options.Values moves and
// signed in as the subject. It is stored before next is called. The response
// hands out the new cookie and ends the old one. All requests that bring the same old
// session get the same one of ours, with the same cookie: if a response is lost, or several
// come at the same time, any of them works, and what one request has changed the others
// find. See [session.Session.MoveIn]. Only anonymous sessions that have no record get one
// for each request: what such a cookie holds may be another visitor's as well.
//
// What is refused, forged or expired, is logged, and its visitor is as anonymous as
// without it. If the old records can't be read, or the new session not be stored, the
// visitor gets the response of [session.Manager.Fail], and keeps the old cookie. Old
// records have [session.DefaultStoreTimeout] to answer.
//
// If next panics, nothing hands the new cookie out, so the old one is not ended.
//
// A record at the old server is deleted half a minute after the visitor has come back with
// the new cookie, by a request, or when they sign out. For ten minutes after signing out
// the old session is refused, whether or not it has a record, and also to a request that
// had read the record before. One without a record has its cookie ended then as well: the
// answer to the logout may have been lost. After that, an old session that is in its cookie alone can't
// be revoked: whoever has a copy of the cookie is signed in, until its age or Options.Until
// ends it. Another old session of a visitor who is signed in here is ended at once.
//
// Where the Manager keeps sessions in cookies, requests at the same time get a session
// each, nothing is refused after signing out, and either holds what its own has changed.
//
// Requests without an old cookie cost nothing, unless a visitor's old record may still
// have to be deleted. Its key is noted in the session, under the name cloakroom.migrate. So
// with sources that have records, every request that brings cookies or a ticket has its
// session read; put the Handler around those handlers that do so anyway. The key of a record
// under an id that is not signed is as good as the old cookie: Options.Sealer of the
// Manager keeps it from who reads the store.
func (rc *Reception) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		panics := true
		defer func() {
			if panics {
				rc.keepCookies(w.Header())
			}
		}()
		if v, err := rc.receive(w, r); err != nil {
			rc.sessions.Fail(w, r, err)
		} else {
			next.ServeHTTP(w, r)
			rc.leave(r.Context(), v)
		}
		panics = false
	})
}

// keepCookies takes out of a header what ends old cookies: whoever answers for a handler
// that has panicked, outside of session.Manager.Handler, hands no new one out.
func (rc *Reception) keepCookies(h http.Header) {
	for _, source := range rc.opts.Sources {
		ends := source.Expired().String()
		h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return line == ends })
	}
	if len(h["Set-Cookie"]) == 0 {
		delete(h, "Set-Cookie")
	}
}

// End ends the old sessions that the request brings, and the one that its session of ours
// came from: it deletes their records and has the response end their cookies. Call it when
// a visitor signs out, before [session.Session.Destroy] and before the response header
// leaves. With Options.KeepOldCookie it has to be called; without, it lets the visitor know: an error
// means that a record could not be deleted, and that its cookie is good still. All of it
// has [session.DefaultStoreTimeout].
func (rc *Reception) End(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), session.DefaultStoreTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	var failed []error
	if s, err := rc.sessions.Get(r); err == nil {
		if n := noted.Get(s); n.Record != "" && !n.Settled {
			failed = append(failed, rc.deleteRecord(ctx, n))
		}
	}
	for _, source := range rc.opts.Sources {
		legacy, err := source.Read(r)
		if err == nil && legacy.Record != "" {
			err = source.Delete(ctx, legacy.Record)
		}
		if err != nil && !errors.Is(err, ErrNone) && !errors.Is(err, ErrRefused) {
			failed = append(failed, err)
			continue
		}
		if !errors.Is(err, ErrNone) {
			http.SetCookie(w, source.Expired())
		}
	}
	return errors.Join(failed...)
}

// A visit is a request whose session has a note.
type visit struct {
	s     *session.Session
	id    string // the session's, before next is called
	note  note
	guest bool // the request has brought the old session, and may be all that the visitor has
	over  note // of the record that it has brought although the visitor has signed out
}

// receive lets the request's visitor in, if there is one to let in.
func (rc *Reception) receive(w http.ResponseWriter, r *http.Request) (visit, error) {
	if !rc.opts.Until.IsZero() && !time.Now().Before(rc.opts.Until) {
		return visit{}, nil
	}
	brings := rc.brings(r)
	if known := rc.notes && (r.Header["Cookie"] != nil || carries(rc.sessions, r.Header)); !brings && !known {
		return visit{}, nil
	}
	s, err := rc.sessions.Get(r)
	switch {
	case errors.Is(err, session.ErrSkipped):
		return visit{}, nil
	case err != nil:
		return visit{}, err
	}
	v := visit{s: s, note: noted.Get(s)}
	if brings {
		if err := rc.welcome(w, r, &v); err != nil {
			return visit{}, err
		}
	}
	if !rc.opts.KeepOldCookie && v.note.Record != "" && !v.note.Settled && !v.guest {
		rc.settle(r.Context(), &v)
	}
	v.id = s.ID()
	return v, nil
}

// brings reports whether the request has a cookie of a source's name.
func (rc *Reception) brings(r *http.Request) bool {
	for _, source := range rc.opts.Sources {
		if len(r.CookiesNamed(source.Expired().Name)) > 0 {
			return true
		}
	}
	return false
}

// welcome reads what the request brings, and lets its visitor in unless somebody is
// signed in already: then what else it brings ends. If a page of another site has made the
// request, and the browser has kept our cookie back, it does nothing.
func (rc *Reception) welcome(w http.ResponseWriter, r *http.Request, v *visit) error {
	signedIn := v.s.Subject() != "" || v.s.Actor() != ""
	if quiet := v.s.ID() == ""; quiet && !carries(rc.sessions, r.Header) {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), session.DefaultStoreTimeout)
	defer cancel()
	for sources := rc.opts.Sources; ; {
		source, rest, old, err := rc.read(r.WithContext(ctx), sources)
		switch {
		case source == nil:
			return nil
		case err != nil && signedIn: // nobody waits for it
			rc.log().WarnContext(r.Context(), "migrate: can't look at an old cookie that comes back", "error", err)
		case err != nil:
			return err
		case signedIn:
			rc.endAgain(w, r, v, source, old)
		default:
			err := rc.take(w, r, v, source, old)
			if signedIn = v.s.Subject() != ""; err != nil || !signedIn {
				return err
			}
		}
		if sources = rest; rc.opts.KeepOldCookie {
			return nil // the others stay as well
		}
	}
}

// endAgain ends what a visitor brings who has a session of ours already: the answer
// that ended the cookie was lost, or did not do it, or they have signed in over there
// again. That is another record than the one in the note, and nobody needs it: the
// visitor has our cookie. If it can't be deleted, its cookie brings it again.
//
// If this request signs out and the answer is lost, that cookie is all that they have, unless
// it is over as well.
func (rc *Reception) endAgain(w http.ResponseWriter, r *http.Request, v *visit, source Source, old Legacy) {
	if rc.opts.KeepOldCookie {
		return
	}
	n := v.note
	if subject, err := rc.opts.Subject(old); err == nil {
		shown := note{Source: nameOf(source), Record: old.Record, Subject: subject}
		_ = v.s.MoveIn(r.Context(), shown.origin(r, source, old), subject, func() error { return ErrRefused }) // it only notes that
	}
	rc.log().InfoContext(r.Context(), "migrate: an old cookie comes back; its domain and path may not be those of Source.Expired",
		"source", nameOf(source))
	other := note{Source: nameOf(source), Record: old.Record}
	if old.Record == "" || other.Source == n.Source && other.Record == n.Record || rc.forget(r.Context(), other) {
		http.SetCookie(w, source.Expired())
	}
}

// read returns the first session that the request brings of some sources, and those behind
// it, or an error if the records can't be read. Without one, the source is nil.
func (rc *Reception) read(r *http.Request, sources []Source) (_ Source, rest []Source, _ Legacy, _ error) {
	for i, source := range sources {
		old, err := source.Read(r)
		switch {
		case err == nil:
			return source, sources[i+1:], old, nil
		case errors.Is(err, ErrRefused):
			rc.refuse(r.Context(), source, err)
		case !errors.Is(err, ErrNone):
			rc.tell(r.Context(), Event{Kind: EventFailed, Source: nameOf(source), Err: err})
			return source, sources[i+1:], Legacy{}, fmt.Errorf("read an old session: %w", err)
		}
	}
	return nil, nil, Legacy{}, nil
}

// take makes the visitor's session, or finds the one that another request has made of the
// same old one.
func (rc *Reception) take(w http.ResponseWriter, r *http.Request, v *visit, source Source, old Legacy) error {
	subject, err := rc.opts.Subject(old)
	if err != nil {
		rc.refuse(r.Context(), source, fmt.Errorf("%w: %w", ErrRefused, err))
		return nil
	}
	if subject == "" && !v.s.IsNew() {
		return nil // one anonymous session is enough
	}
	n := note{Source: nameOf(source), Record: old.Record, Subject: subject}
	var why error
	err = v.s.MoveIn(r.Context(), n.origin(r, source, old), subject, func() error {
		if rc.opts.Values != nil {
			why = rc.opts.Values(old, v.s)
		}
		if n.Record != "" && (subject != "" || len(v.s.Names()) > 0) {
			noted.Set(v.s, n)
		}
		return why
	})
	switch {
	case why != nil:
		rc.refuse(r.Context(), source, fmt.Errorf("%w: %w", ErrRefused, why))
		return nil //nolint:nilerr // err is why, or what has become of it
	case err != nil:
		rc.endOver(w, v, source, n, err)
		return rc.notStored(r.Context(), source, err)
	case v.s.IsNew():
		return nil // there is nothing to keep
	}
	v.guest = true
	rc.noteAgain(v, n)
	if !rc.opts.KeepOldCookie {
		http.SetCookie(w, source.Expired())
	}
	rc.tell(r.Context(), Event{Kind: EventReceived, Source: nameOf(source), Subject: subject})
	return nil
}

// endOver ends a cookie whose visitor has signed out: the answer that did was lost, or is on
// its way. A record that is there still could not be deleted then, or is of another login
// under the same key: it ends when they sign out again.
func (rc *Reception) endOver(w http.ResponseWriter, v *visit, source Source, n note, err error) {
	switch {
	case !errors.Is(err, session.ErrSignedOut) || rc.opts.KeepOldCookie:
	case n.Record == "":
		http.SetCookie(w, source.Expired())
	default:
		v.over = n
	}
}

// notStored tells what a second attempt may put right from what it can't: a subject that
// has too many sessions, one who has signed out meanwhile, or values that are too large,
// which must not fail the request a second time.
func (rc *Reception) notStored(ctx context.Context, source Source, err error) error {
	if session.StatusCode(err) == http.StatusServiceUnavailable {
		rc.tell(ctx, Event{Kind: EventFailed, Source: nameOf(source), Err: err})
		return err
	}
	rc.refuse(ctx, source, fmt.Errorf("%w: it can't be stored: %w", ErrRefused, err))
	return nil
}

func (rc *Reception) refuse(ctx context.Context, source Source, err error) {
	rc.log().InfoContext(ctx, "migrate: old session refused", "source", nameOf(source), "error", err)
	rc.tell(ctx, Event{Kind: EventRefused, Source: nameOf(source), Err: err})
}

func (rc *Reception) tell(ctx context.Context, e Event) {
	if rc.opts.OnEvent != nil {
		rc.opts.OnEvent(ctx, e)
	}
}

func (rc *Reception) log() *slog.Logger {
	if rc.opts.Logger != nil {
		return rc.opts.Logger
	}
	return slog.Default()
}
