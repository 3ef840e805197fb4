package memcachestore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A fake is a server that answers as a test wants, and writes down what it was asked.
type fake struct {
	answer func(command []string) string // "" for never

	mu       sync.Mutex
	commands [][]string // the first lines
}

// open returns a store on a server that answers so.
func open(t *testing.T, answer func(command []string) string) (*Store, *fake) {
	t.Helper()
	f := &fake{answer: answer}
	client := memcache.New("127.0.0.1:11211")
	client.Timeout = time.Minute
	client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		client, conn := net.Pipe()
		go f.serve(conn)
		return client, nil
	}
	t.Cleanup(func() { _ = client.Close() }) // nothing depends on it
	store, err := New(client, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store, f
}

func (f *fake) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }() // the client has gone
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		command := strings.Fields(line)
		if command[0] == "add" || command[0] == "cas" {
			var size int64
			if _, err := fmt.Sscan(command[4], &size); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, r, size+int64(len("\r\n"))); err != nil {
				return
			}
		}
		f.mu.Lock()
		f.commands = append(f.commands, command)
		f.mu.Unlock()
		if _, err := io.WriteString(conn, f.answer(command)); err != nil {
			return
		}
	}
}

// asked returns the names of the commands.
func (f *fake) asked() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make([]string, 0, len(f.commands))
	for _, c := range f.commands {
		names = append(names, c[0])
	}
	return strings.Join(names, " ")
}

func always(answer string) func([]string) string {
	return func([]string) string { return answer }
}

// inTurn gives one answer after the other.
func inTurn(answers ...string) func([]string) string {
	return func([]string) string {
		answer := answers[0]
		answers = answers[1:]
		return answer
	}
}

// value is what a gets is answered with.
func value(id string, b []byte, casID int) string {
	return fmt.Sprintf("VALUE session:%s 0 %d %d\r\n%s\r\nEND\r\n", id, len(b), casID, b)
}

func stored(id string, r sessionstore.Record, casID int) string {
	return value(id, sessionstore.AppendRecord(nil, id, r), casID)
}
