package stores_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// childWriter tells a child process to go on writing to the file of that name.
const childWriter = "CLOAKROOM_TEST_WRITER"

const (
	killWriters = 4 // goroutines of a child, each with a record of its own
	killsShort  = 100
)

// TestSqliteKilled kills a process that writes, again and again. Each record is then as
// the last acknowledged write left it, or as the one under way would, and the file is
// sound. CLOAKROOM_KILLS says how often, 1000 for a long run.
func TestSqliteKilled(t *testing.T) {
	t.Parallel()
	kills := killsShort
	if s := os.Getenv("CLOAKROOM_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	file := sqliteFile(t, "sqlite").with("synchronous", "FULL")
	store := sqliteStore(t, file)
	ids, acked := make([]string, killWriters), make([]int, killWriters)
	for i := range ids {
		ids[i], acked[i] = randomID(), 1
		if err := store.Create(t.Context(), ids[i], numbered(1)); err != nil {
			t.Fatal(err)
		}
	}
	acks := 0
	for range kills {
		acks += killWriter(t, file.path, ids, acked)
		for i, id := range ids {
			r, err := store.Load(t.Context(), id)
			n := int(r.Version)
			if err != nil || n != acked[i] && n != acked[i]+1 || !bytes.Equal(r.Data, numbered(n).Data) {
				t.Fatalf("acknowledged %d, then there is %d with %d bytes, %v", acked[i], n, len(r.Data), err)
			}
			acked[i] = n
		}
	}
	var sound string
	if err := sqliteDB(t, file).QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Errorf("integrity_check says %q, %v", sound, err)
	}
	t.Logf("%d kills, %d writes acknowledged", kills, acks)
	if acks < kills {
		t.Errorf("%d writes acknowledged before %d kills: too few to prove anything", acks, kills)
	}
}

// numbered is the record of number n.
func numbered(n int) sessionstore.Record {
	return sessionstore.Record{
		Data:    []byte(strings.Repeat(strconv.Itoa(n)+"\n", 1+n%7*40)),
		Subject: "subject-" + strconv.Itoa(n%3),
		Expires: time.Now().Add(time.Hour),
		Version: sessionstore.Version(n),
	}
}

// killWriter starts a child that writes, kills it at a random moment after its first
// write, and takes in what it has acknowledged.
func killWriter(t *testing.T, path string, ids []string, acked []int) (acks int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childWriter+"="+path)
	cmd.Stdin = strings.NewReader(strings.Join(ids, " ") + "\n" + strings.Trim(fmt.Sprint(acked), "[]") + "\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		var i, n int
		if _, err := fmt.Sscanf(line, "%d %d\n", &i, &n); err != nil {
			t.Fatalf("the child said %q", line)
		}
		acked[i] = n
		if acks++; acks == 1 {
			time.AfterFunc(rand.N(30*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		t.Fatalf("the child ended before it was killed: %v", err)
	}
	return acks
}

// runWriter is the child: it writes from where the last one was killed.
func runWriter(path string) error {
	store, err := backends.Open(context.Background(), backends.Place{Backend: "sqlite", Address: path, Name: "cloakroom_sessions"})
	if err != nil {
		return err
	}
	ids, last := make([]string, killWriters), make([]int, killWriters)
	for i := range ids {
		if _, err := fmt.Scan(&ids[i]); err != nil {
			return err
		}
	}
	for i := range last {
		if _, err := fmt.Scan(&last[i]); err != nil {
			return err
		}
	}
	failed := make(chan error)
	for i, id := range ids {
		go func() {
			for n := last[i] + 1; ; n++ {
				err := store.Update(context.Background(), id, sessionstore.Version(n-1), numbered(n))
				if err == nil {
					_, err = fmt.Printf("%d %d\n", i, n)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}
