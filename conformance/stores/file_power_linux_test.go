package stores_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/disk"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// cutsShort is after how many operations on the disk the power is cut.
const cutsShort = 500

// TestFilePowerCut cuts the power after each operation on the disk. What was not flushed is
// dropped, and then any part of it. Each record is as the last acknowledged write left it,
// or as the one under way would, and the lists agree with the records. CLOAKROOM_CUTS says
// how many operations there are, 10000 for a long run.
func TestFilePowerCut(t *testing.T) {
	t.Parallel()
	cuts := cutsShort
	if s := os.Getenv("CLOAKROOM_CUTS"); s != "" {
		var err error
		if cuts, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	d := disk.Mount(t)
	p := &powerCuts{t: t, acked: make([]int, killWriters)}
	acks, begun := p.write(d, cuts)
	replay := d.Replay()
	for n := range begun {
		if n%100 == 0 {
			p.beginAgain(replay)
		}
		replay.Step()
	}
	dir := privateDir(t)
	if err := replay.Settle(dir); err != nil {
		t.Fatal(err)
	}
	p.store = openFile(t, dir, filestore.Options{})
	for n := begun; n < d.Len() && !t.Failed(); n++ {
		replay.Step()
		for len(acks) > 0 && acks[0].after <= n+1 {
			p.acked[acks[0].record] = acks[0].number
			acks = acks[1:]
		}
		for _, anyPart := range []bool{false, true} {
			if err := replay.Cut(dir, anyPart); err != nil {
				t.Fatal(err)
			}
			p.check(n, anyPart)
		}
		if n%100 == 0 {
			p.prune(dir)
		}
	}
	t.Logf("%d cuts", 2*(d.Len()-begun))
}

// TestFilePowerCutWhileASubjectEnds cuts the power after each operation of DeleteSubject,
// which works on several shards at a time. What is left of the records is listed, and when
// it has returned, nothing is.
func TestFilePowerCutWhileASubjectEnds(t *testing.T) {
	t.Parallel()
	d := disk.Mount(t)
	store := openFile(t, d.Dir, filestore.Options{})
	ids, subject := make([]string, 12), numbered(1).Subject
	for i := range ids {
		ids[i] = randomID()
		if err := store.Create(t.Context(), ids[i], numbered(1)); err != nil {
			t.Fatal(err)
		}
	}
	begun := d.Len()
	if n, err := store.DeleteSubject(t.Context(), subject); n != len(ids) || err != nil {
		t.Fatalf("DeleteSubject = %d, %v, want %d", n, err, len(ids))
	}
	replay := d.Replay()
	for range begun {
		replay.Step()
	}
	dir := privateDir(t)
	if err := replay.Cut(dir, false); err != nil {
		t.Fatal(err)
	}
	store = openFile(t, dir, filestore.Options{})
	for n := begun; n < d.Len(); n++ {
		replay.Step()
		for _, anyPart := range []bool{false, true} {
			if err := replay.Cut(dir, anyPart); err != nil {
				t.Fatal(err)
			}
			left := 0
			for _, id := range ids {
				switch _, err := store.Load(t.Context(), id); {
				case err == nil:
					left++
				case !errors.Is(err, sessionstore.ErrNotFound):
					t.Fatalf("cut after %d, any part %v: %v", n-begun, anyPart, err)
				}
			}
			list, err := store.ListSubject(t.Context(), subject)
			if err != nil || len(list) != left {
				t.Fatalf("cut after %d, any part %v: %d of %d records are listed, %v", n-begun, anyPart, len(list), left, err)
			}
			if n == d.Len()-1 && left > 0 {
				t.Errorf("any part %v: %d records are back after DeleteSubject", anyPart, left)
			}
		}
	}
}

type powerCuts struct {
	t     *testing.T
	ids   []string
	acked []int
	store *filestore.Store
}

// An ack is a write that was acknowledged after so many operations on the disk.
type ack struct{ after, record, number int }

// write makes so many operations on the disk. It returns how many of them there were when
// the store was there.
func (p *powerCuts) write(d *disk.Disk, operations int) (acks []ack, begun int) {
	p.t.Helper()
	store := openFile(p.t, d.Dir, filestore.Options{})
	begun = d.Len()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range p.acked {
		id := randomID()
		p.ids = append(p.ids, id)
		wg.Go(func() {
			for n := 1; d.Len()-begun < operations; n++ {
				var err error
				switch {
				case isDeleted(n):
					err = store.Delete(p.t.Context(), id)
				case isDeleted(n - 1):
					err = store.Create(p.t.Context(), id, numbered(n))
				default:
					err = store.Update(p.t.Context(), id, sessionstore.Version(n-1), numbered(n))
				}
				if err != nil {
					p.t.Errorf("write %d of record %d: %v", n, i, err)
					return
				}
				mu.Lock()
				acks = append(acks, ack{after: d.Len(), record: i, number: n})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acks, begun
}

// isDeleted says at which numbers there is no record.
func isDeleted(n int) bool { return n%5 == 0 }

// beginAgain has a store begin in what is left of one that was just beginning.
func (p *powerCuts) beginAgain(replay *disk.Replay) {
	p.t.Helper()
	for _, anyPart := range []bool{false, true} {
		dir := privateDir(p.t)
		if err := replay.Cut(dir, anyPart); err != nil {
			p.t.Fatal(err)
		}
		store, err := filestore.New(dir, filestore.Options{})
		if err == nil {
			err = errors.Join(store.Create(p.t.Context(), randomID(), numbered(1)), store.Close())
		}
		if err != nil {
			p.t.Errorf("New after a power cut in New: %v", err)
		}
	}
}

func (p *powerCuts) check(after int, anyPart bool) {
	p.t.Helper()
	want := make(map[string]int) // live records of each subject
	for i, id := range p.ids {
		r, err := p.store.Load(p.t.Context(), id)
		n := p.acked[i]
		if !isNumber(r, err, n) && !isNumber(r, err, n+1) {
			p.t.Fatalf("cut after %d, any part %v: record %d was acknowledged at %d, and there is %d with %d bytes, %v",
				after, anyPart, i, n, r.Version, len(r.Data), err)
		}
		if err == nil {
			want[r.Subject]++
		}
	}
	for n := range 3 {
		subject := numbered(n).Subject
		list, err := p.store.ListSubject(p.t.Context(), subject)
		if err != nil || len(list) != want[subject] {
			p.t.Fatalf("cut after %d, any part %v: %d of the %d records of %s are listed, %v",
				after, anyPart, len(list), want[subject], subject, err)
		}
	}
}

// isNumber tells whether a record is the one of a number.
func isNumber(r sessionstore.Record, err error, n int) bool {
	if isDeleted(n) {
		return errors.Is(err, sessionstore.ErrNotFound)
	}
	want := numbered(n)
	return err == nil && r.Version == want.Version && r.Subject == want.Subject && bytes.Equal(r.Data, want.Data)
}

// prune sees that Prune removes what the cut has left of writes.
func (p *powerCuts) prune(dir string) {
	p.t.Helper()
	if _, err := p.store.Prune(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "??", "*.tmp"))
	if err != nil || len(left) > 0 {
		p.t.Errorf("after Prune there is %s, %v", strings.Join(left, ", "), err)
	}
}
