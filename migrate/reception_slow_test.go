package migrate_test

import (
	"context"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// slowRecords are those of an old server that keeps a request waiting.
type slowRecords struct {
	*legacyRecords

	wait time.Duration // once
}

func (s *slowRecords) Load(ctx context.Context, key string) ([]byte, error) {
	wait := s.wait
	s.wait = 0
	<-time.After(wait)
	return s.legacyRecords.Load(ctx, key)
}

// TestASlowFirstAnswerLeavesTheOldRecordForWhoIsUnderWay has the answer that brings the new
// cookie take longer than a record is kept for the requests that were sent before. One of
// those would begin an anonymous session, and the visitor be signed out by its answer.
func TestASlowFirstAnswerLeavesTheOldRecordForWhoIsUnderWay(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o, old, cookie := fromExpress()
			records := &slowRecords{legacyRecords: old}
			o.Sources = []migrate.Source{migrate.Express{Keys: []string{"a secret"}, Records: records}}
			srv := newServer(t, o, session.Options{})
			b := srv.browser("connect.sid", cookie)
			slow := b.send(http.MethodGet, "/")
			if lost { // so is the second, though somebody has come back with it, in another window
				other := srv.browser("connect.sid", cookie)
				other.get("/")
				other.wantPage("/", "ann [coat]")
				<-time.After(20 * time.Second)
				slow = b.send(http.MethodGet, "/")
			}
			<-time.After(40 * time.Second)
			underWay := srv.browser("connect.sid", cookie)
			records.wait = time.Second
			done := make(chan struct{})
			go func() {
				underWay.get("/add")
				close(done)
			}()
			synctest.Wait()
			b.take(slow)
			b.wantPage("/", "ann [coat]")
			<-done
			maps.Copy(b.cookies, underWay.cookies) // it is the same browser
			b.wantPage("/", "ann [coat hat]")
			<-time.After(grace)
			b.wantPage("/", "ann [coat hat]")
			if len(old.values) > 0 {
				t.Error("the record is there still")
			}
		})
	}
}

// grace is how long a record is kept when its visitor has come back.
const grace = 30 * time.Second
