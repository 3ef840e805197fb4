package memcachestore

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
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

// A server answers as a test wants, and writes down what it was asked.
type server struct {
	answer func(command []string) string // "" for never

	mu       sync.Mutex
	commands [][]string // the first lines
}

// open returns a store on a server that answers so.
func open(t *testing.T, answer func(command []string) string) (*Store, *server) {
	t.Helper()
	s := &server{answer: answer}
	client := memcache.New("127.0.0.1:11211")
	client.Timeout = time.Minute
	client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		client, conn := net.Pipe()
		go s.serve(conn)
		return client, nil
	}
	t.Cleanup(func() { _ = client.Close() }) // nothing depends on it
	store, err := New(client, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store, s
}

func (s *server) serve(conn net.Conn) {
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
		s.mu.Lock()
		s.commands = append(s.commands, command)
		s.mu.Unlock()
		if _, err := io.WriteString(conn, s.answer(command)); err != nil {
			return
		}
	}
}

// asked returns the names of the commands.
func (s *server) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.commands))
	for _, c := range s.commands {
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

func newID() string { return (rand.Text() + rand.Text())[:sessionstore.IDLen] }

func newRecord(v sessionstore.Version) sessionstore.Record {
	return sessionstore.Record{Data: []byte("data"), Expires: time.Now().Add(time.Hour), Version: v}
}

// A method is one of the contract's, called with arguments that are right.
type method struct {
	name string
	call func(ctx context.Context, s *Store) error
}

var methods = []method{
	{"Load", func(ctx context.Context, s *Store) error { _, err := s.Load(ctx, newID()); return err }},
	{"Create", func(ctx context.Context, s *Store) error { return s.Create(ctx, newID(), newRecord(1)) }},
	{"Update", func(ctx context.Context, s *Store) error { return s.Update(ctx, newID(), 1, newRecord(2)) }},
	{"Delete", func(ctx context.Context, s *Store) error { return s.Delete(ctx, newID()) }},
	{"Touch", func(ctx context.Context, s *Store) error { return s.Touch(ctx, newID(), 1, time.Now().Add(time.Hour)) }},
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", what, err, want)
	}
}
