package conformance

import (
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func expiryCases() []testCase {
	return []testCase{
		{
			name: "live until then",
			rule: "A record is live until its Expires: none dies early.",
			run:  expiryLive,
		},
		{
			name: "dead from then on",
			rule: "From its Expires, and the store's precision, a record is as good as absent.",
			run:  expiryDead,
		},
		{
			name: "of an update, later",
			rule: "An Update that moves Expires later keeps the record live past the old expiry.",
			run:  expiryUpdatedLater,
		},
		{
			name: "of an update, earlier",
			rule: "An Update that moves Expires earlier lets the record die at the new expiry.",
			run:  expiryUpdatedEarlier,
		},
		{
			name: "very soon",
			rule: "The shortest lifetime is a lifetime: it is not taken for none, and not for ever.",
			run:  expirySoon,
		},
		{
			name: "a second and a part",
			rule: "A record is live until its Expires: a backend that counts in whole seconds rounds the time to live up.",
			run:  expirySecondAndPart,
		},
	}
}

// expiryLive judges a Load only while the clock says afterwards that the record
// is still live.
func expiryLive(t *tester) {
	id, r := t.dying(nil)
	for {
		_, err := t.store.Load(t.Context(), id)
		left := time.Until(r.Expires)
		if left <= 0 {
			return
		}
		if err != nil {
			t.Fatalf("Load, %v or more before expiry: %v", left, err)
		}
		t.sleep(10 * time.Millisecond)
	}
}

func expiryDead(t *tester) {
	id, _ := t.expired()
	for range 3 {
		t.wantGone(id)
	}
}

func expiryUpdatedLater(t *tester) {
	var next sessionstore.Record
	id, r := t.dying(func(id string, r sessionstore.Record) error {
		next = t.record()
		return t.store.Update(t.Context(), id, r.Version, next)
	})
	t.waitExpired(r.Expires)
	t.wantLive(id, next.Version)
}

func expiryUpdatedEarlier(t *tester) {
	id, r := t.created()
	next := t.soon(func(expires time.Time) error {
		next := t.record()
		next.Expires = expires
		return t.store.Update(t.Context(), id, r.Version, next)
	})
	t.waitExpired(next)
	t.wantGone(id)
}

func expirySoon(t *tester) {
	for life := time.Nanosecond; life <= 100*time.Millisecond; life *= 10 {
		id, r := t.newID(), t.record()
		r.Expires = time.Now().Add(life)
		err := t.store.Create(t.Context(), id, r)
		if errors.Is(err, sessionstore.ErrInvalid) && !time.Now().Before(r.Expires) {
			continue // over before the store looked at it
		}
		t.want(nil, err, "Create with a lifetime of "+life.String())
		t.waitExpired(r.Expires)
		t.wantGone(id)
		for _, m := range moves() {
			id, r := t.created()
			expires := time.Now().Add(life)
			if _, err := m.make(t, id, r, expires); err != nil {
				if time.Now().Before(expires) {
					t.Fatalf("a write after which %s the expiry to in %v: %v", m.how, life, err)
				}
				continue // the same
			}
			t.waitExpired(expires)
			t.wantGone(id)
		}
	}
}

// expirySecondAndPart has lives of which less than half a second is over: to round down is too
// early, and so is to round to the nearest.
func expirySecondAndPart(t *tester) {
	const life = 1450 * time.Millisecond
	ways := append(moves(), creation())
	var ids []string
	expires := t.within(life, func(expires time.Time) error {
		ids = nil
		for _, m := range ways {
			id, r := t.created()
			ids = append(ids, id)
			if _, err := m.make(t, id, r, expires); err != nil {
				return err
			}
		}
		return nil
	})
	for {
		for i, id := range ids {
			_, err := t.store.Load(t.Context(), id)
			left := time.Until(expires)
			if left <= 0 {
				return
			}
			if err != nil {
				t.Fatalf("Load, %v or more before the expiry to which %s it: %v", left, ways[i].how, err)
			}
		}
		t.sleep(20 * time.Millisecond)
	}
}
