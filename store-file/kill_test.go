package filestore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func init() { //nolint:gochecknoinits // registers what TestMain runs
	children["write"] = childWrite
}

const (
	killLanes   = 3 // children at a time, each on a folder of its own
	killWriters = 4 // in each child
	killsInAll  = 2000
	killsShort  = 50
)

// What a child writes is numbered, and a number says everything about the
// record: its subject and its data, or that it was deleted, as it is at the
// multiples of killCycle.
const killCycle = 5

func subjectAt(n int) string { return "subject-" + strconv.Itoa(n%3) }
func dataAt(n int) []byte    { return bytes.Repeat([]byte(strconv.Itoa(n)+"\n"), 1+n%7*40) }

// A process may be killed at any point: each record is then as the last
// acknowledged write left it, or as a later one did, whole in either case.
// The number of kills is 2,000, 50 with -short, or what CLOAKROOM_KILLS says.
func TestKilledProcessesLoseNothingAcknowledged(t *testing.T) {
	t.Parallel()
	kills := killsInAll
	if testing.Short() {
		kills = killsShort
	}
	if v := os.Getenv("CLOAKROOM_KILLS"); v != "" {
		var err error
		if kills, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	for lane := range killLanes {
		t.Run(strconv.Itoa(lane), func(t *testing.T) {
			t.Parallel()
			v := newVictims(t)
			for kill := lane; kill < kills && !t.Failed(); kill += killLanes {
				v.killOne()
				v.check()
			}
			v.sweep()
		})
	}
}

// victims are the records that one child after another writes to.
type victims struct {
	t     *testing.T
	dir   string
	store *filestore.Store
	ids   []string
	acked []int // the last number that was acknowledged, for each id
	acks  int
	kills int
}

func newVictims(t *testing.T) *victims {
	t.Helper()
	v := &victims{t: t, dir: folder(t), acked: make([]int, killWriters)}
	v.store = open(t, v.dir)
	for range killWriters {
		v.ids = append(v.ids, newID())
	}
	return v
}

// killOne starts a child, kills it at a random moment and takes in what it
// acknowledged. One in ten may be killed before it has written anything.
func (v *victims) killOne() {
	v.t.Helper()
	args := []string{v.dir}
	for i, id := range v.ids {
		args = append(args, id, strconv.Itoa(v.acked[i]))
	}
	cmd := childCommand(v.t, "write", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	acks := bufio.NewReader(out)
	v.kills++
	if v.kills%10 != 0 {
		v.take(acks)
	}
	time.Sleep(rand.N(15 * time.Millisecond)) //nolint:forbidigo // the random moment
	if err := cmd.Process.Kill(); err != nil {
		v.t.Fatal(err)
	}
	for v.take(acks) {
	}
	if err := cmd.Wait(); !wasKilled(cmd.ProcessState) {
		v.t.Fatalf("child ended before it was killed: %v", err)
	}
}

// wasKilled tells a process that was killed from one that ended by itself. On Windows
// both have exited, the one with a status that no child returns.
func wasKilled(p *os.ProcessState) bool {
	return !p.Exited() || runtime.GOOS == "windows" && p.ExitCode() == 1
}

// take takes in one line of a child: which record, and which number it has.
func (v *victims) take(acks *bufio.Reader) bool {
	v.t.Helper()
	line, err := acks.ReadString('\n')
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		return false
	}
	var i, n int
	if _, scanErr := fmt.Sscanf(line, "%d %d\n", &i, &n); err != nil || scanErr != nil {
		v.t.Fatalf("child said %q, %v", line, err)
	}
	v.acked[i] = n
	v.acks++
	return true
}

// check finds out where each record is: at the acknowledged number or the next,
// which was under way.
func (v *victims) check() {
	v.t.Helper()
	for i, id := range v.ids {
		n := v.acked[i]
		r, err := v.store.Load(v.t.Context(), id)
		switch {
		case agrees(r, err, n):
		case agrees(r, err, n+1):
			v.acked[i] = n + 1
		default:
			v.t.Fatalf("acknowledged %d, then: %d bytes of %q, %v", n, len(r.Data), r.Subject, err)
		}
	}
}

// agrees tells whether a record is the one of number n.
func agrees(r sessionstore.Record, err error, n int) bool {
	if n%killCycle == 0 {
		return errors.Is(err, sessionstore.ErrNotFound)
	}
	return err == nil && r.Subject == subjectAt(n) && bytes.Equal(r.Data, dataAt(n))
}

// sweep checks that one Prune removes what all these crashes left, and that
// the index then agrees with the records.
func (v *victims) sweep() {
	v.t.Helper()
	orphans := len(files(v.t, v.dir, isTemp))
	if _, err := v.store.Prune(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	if left := files(v.t, v.dir, isTemp); len(left) > 0 {
		v.t.Errorf("not swept: %v", left)
	}
	want := make(map[string][]string)
	for i, id := range v.ids {
		if n := v.acked[i]; n%killCycle != 0 {
			want[subjectAt(n)] = append(want[subjectAt(n)], id)
		}
	}
	var live int
	for n := range 3 {
		wantSubject(v.t, v.store, subjectAt(n), want[subjectAt(n)]...)
		live += len(want[subjectAt(n)])
	}
	if markers := files(v.t, v.dir, isMarker); len(markers) != live {
		v.t.Errorf("%d markers of %d records: %v", len(markers), live, markers)
	}
	if v.acks < v.kills {
		v.t.Errorf("%d writes acknowledged before %d kills: too few to prove anything", v.acks, v.kills)
	}
	v.t.Logf("%d kills, %d writes acknowledged, %d orphans swept", v.kills, v.acks, orphans)
}

// childWrite goes on writing from where the last child was killed, until it is
// killed itself.
func childWrite(args []string) int {
	s, err := filestore.New(args[0], filestore.Options{})
	if err != nil {
		return fail(err)
	}
	failed := make(chan error)
	for i := range (len(args) - 1) / 2 {
		id := args[1+2*i]
		n, err := strconv.Atoi(args[2+2*i])
		if err != nil {
			return fail(err)
		}
		go func() {
			var err error
			for err == nil {
				n++
				if err = writeNumber(s, id, n); err == nil {
					_, err = fmt.Printf("%d %d\n", i, n)
				}
			}
			failed <- err
		}()
	}
	return fail(<-failed)
}

// writeNumber takes a record from n-1 to n.
func writeNumber(s *filestore.Store, id string, n int) error {
	ctx := context.Background()
	r := sessionstore.Record{
		Data: dataAt(n), Subject: subjectAt(n), Expires: time.Now().Add(time.Hour), Version: sessionstore.Version(n),
	}
	switch n % killCycle {
	case 0:
		return s.Delete(ctx, id)
	case 1:
		return s.Create(ctx, id, r)
	}
	return s.Update(ctx, id, sessionstore.Version(n-1), r)
}
