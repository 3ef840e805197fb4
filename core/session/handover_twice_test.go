package session_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// doubleClick is the time between two clicks of somebody in a hurry.
const doubleClick = 60 * time.Millisecond

// TestAFormSentTwiceIsAsGoodAsOnce sends a form twice before the first answer is
// there: the browser gives the first request up, and the server may learn of it or,
// behind a proxy, may not. Which of the two answers arrives, and in which order, is
// chance.
func TestAFormSentTwiceIsAsGoodAsOnce(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		for _, taken := range []string{"second", "first", "first, then second", "second, then first"} {
			if known && taken != "second" {
				continue // a request that was given up has no answer
			}
			t.Run(fmt.Sprintf("taken %s, given up %v", taken, known), func(t *testing.T) {
				t.Parallel()
				eachMove(t, func(b *browser, m move) {
					first, second := b.twice(m.make, known)
					wantStatus(b.tb, second, http.StatusOK)
					switch taken {
					case "first":
						b.take(first)
					case "second":
						b.take(second)
					case "first, then second":
						b.take(first)
						b.take(second)
					default:
						b.take(second)
						b.take(first)
					}
					b.wantSignedIn()
					pass(time.Minute)
					b.wantSignedIn()
				})
			})
		}
	}
}

// twice sends a form that takes a password's hash two times. If known, the server
// learns that the first was given up.
func (b *browser) twice(f handler, known bool) (first, second *http.Response) {
	ctx, giveUp := context.WithCancel(b.tb.Context())
	defer giveUp()
	if !known {
		ctx = b.tb.Context()
	}
	answer := make(chan *http.Response, 1)
	r := b.request(ctx)
	go func() { answer <- b.send(r, slowly(f)) }()
	pass(doubleClick)
	giveUp()
	second = b.ask(slowly(f))
	return <-answer, second
}

// TestManyImpatientClicksSignIn clicks until the answer is there.
func TestManyImpatientClicksSignIn(t *testing.T) {
	t.Parallel()
	eachMove(t, func(b *browser, m move) {
		answers := make(chan *http.Response, 5)
		for range cap(answers) {
			r := b.request(b.tb.Context())
			go func() { answers <- b.send(r, slowly(m.make)) }()
			pass(doubleClick)
		}
		var last *http.Response
		for range cap(answers) {
			last = <-answers
		}
		b.take(last)
		b.wantSignedIn()
	})
}

// TestALoginThatIsSentTwiceMakesOneSession counts them: the second click joins what
// the first has made.
func TestALoginThatIsSentTwiceMakesOneSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.m = e.manager(e.mem)
		b := newBrowser(e)
		b.shop()
		_, second := b.twice(authenticate, false)
		b.take(second)
		b.wantSignedIn()
		list, err := e.m.List(t.Context(), "ann")
		if err != nil || len(list) != 1 {
			t.Errorf("ann has %d sessions, %v, want 1", len(list), err)
		}
	})
}

// TestBothAnswersOfAFormSentTwiceStayGood has a client that uses one here and the other
// there.
func TestBothAnswersOfAFormSentTwiceStayGood(t *testing.T) {
	t.Parallel()
	eachMove(t, func(b *browser, m move) {
		here, there := b.at(b.m), b.at(b.m)
		first, second := b.twice(m.make, false)
		here.take(first)
		there.take(second)
		for range 4 {
			here.wantSignedIn()
			there.wantSignedIn()
			pass(9 * time.Minute)
		}
	})
}

// TestAResetPasswordIsSentTwice signs in and ends all others, as a page for a new
// password does. The second click comes with the ticket from before.
func TestAResetPasswordIsSentTwice(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.m = e.manager(e.mem)
	reset := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		if _, err := s.EndOthers(r.Context()); err != nil {
			e.m.Fail(w, r, err)
		}
	}
	thief := member(e)
	b := newBrowser(e)
	b.shop()
	b.ask(reset)
	wantStatus(t, b.do(reset), http.StatusOK)
	b.wantSignedIn()
	if thief.sees().subject != "" {
		t.Error("another session lives on")
	}
}
