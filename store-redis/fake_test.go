package redisstore

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

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A fake is a server that answers as a test wants, and writes down what it was asked.
type fake struct {
	answer func(command []string) string // "" for never, lost for a connection that ends

	mu       sync.Mutex
	commands [][]string
}

const lost = "lost"

// open returns a store on a server that answers so.
func open(t *testing.T, answer func(command []string) string) (*Store, *fake) {
	t.Helper()
	return openWith(t, answer, Options{})
}

func openWith(t *testing.T, answer func(command []string) string, o Options) (*Store, *fake) {
	t.Helper()
	return openTo(t, answer, &redis.Options{MaxRetries: -1}, o)
}

// openTo takes the driver's options, too.
func openTo(t *testing.T, answer func(command []string) string, driver *redis.Options, o Options) (*Store, *fake) {
	t.Helper()
	f := &fake{answer: answer}
	driver.Addr = "127.0.0.1:1" // newer drivers look names up, which a synctest bubble must not
	driver.Dialer = func(context.Context, string, string) (net.Conn, error) {
		client, conn := net.Pipe()
		go f.serve(conn)
		return pipe{client}, nil
	}
	client := redis.NewClient(driver)
	t.Cleanup(func() { _ = client.Close() }) // nothing depends on it
	store, err := New(client, o)
	if err != nil {
		t.Fatal(err)
	}
	return store, f
}

// A pipe takes deadlines after the other end has closed, as TCP does.
type pipe struct{ net.Conn }

func (p pipe) SetReadDeadline(t time.Time) error {
	_ = p.Conn.SetReadDeadline(t) // a Read will tell
	return nil
}

func (f *fake) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }() // the client has gone
	answers := make(chan string, 1000)  // a client sends a whole pipeline before it reads
	defer close(answers)
	go func() {
		for answer := range answers {
			_, _ = io.WriteString(conn, answer) // the reader notices that the client has gone
		}
	}()
	for r := bufio.NewReader(conn); ; {
		command, err := readCommand(r)
		if err != nil {
			return
		}
		answer := "+OK\r\n"
		switch command[0] {
		case "hello":
			answer = "-ERR unknown command\r\n"
		case "client":
		default:
			f.mu.Lock()
			f.commands = append(f.commands, command)
			f.mu.Unlock()
			answer = f.answer(command)
		}
		if answer == lost {
			return
		}
		answers <- answer
	}
}

func readCommand(r *bufio.Reader) ([]string, error) {
	var n int
	if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
		return nil, err
	}
	command := make([]string, n)
	for i := range command {
		var size int
		if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
			return nil, err
		}
		b := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		command[i] = string(b[:size])
	}
	return command, nil
}

// asked returns the names of the commands, but for scripts what they are for.
func (f *fake) asked() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	scripts := map[string]string{
		createScript.Hash(): "create", updateScript.Hash(): "update", touchScript.Hash(): "touch",
		indexScript.Hash(): "index", settleScript.Hash(): "settle", unindexScript.Hash(): "unindex",
	}
	var names []string
	for _, c := range f.commands {
		name := c[0]
		if name == "evalsha" {
			name = scripts[c[1]]
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// argsOf returns the first arguments of all commands of a name.
func (f *fake) argsOf(command string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var args []string
	for _, c := range f.commands {
		if c[0] == command {
			args = append(args, c[1])
		}
	}
	return args
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

func bulk(b []byte) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(b), b) }

// stored is what a Load of the record is answered with.
func stored(id string, r sessionstore.Record) string {
	return bulk(sessionstore.AppendRecord(encodeTime(time.Time{}), id, r))
}
