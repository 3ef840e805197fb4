package stores_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// What a child process is told: the place of its sessions, and the key that all
// processes share.
const (
	childPlace = "CLOAKROOM_TEST_CHILD"
	childKey   = "CLOAKROOM_TEST_CHILD_KEY"
)

var (
	counter = session.NewKey[int]("counter")    //nolint:gochecknoglobals // as an application has it
	items   = session.NewKey[[]string]("items") //nolint:gochecknoglobals // the same
)

// TestTwoProcessesLoseNoIncrement sends 400 requests of one visitor, sixteen at a
// time, to two processes that share a store. Each counts one up and puts one item
// into a list.
func TestTwoProcessesLoseNoIncrement(t *testing.T) {
	t.Parallel()
	for _, b := range backends.All {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			_, place := b.New(t)
			twoProcesses(t, place)
		})
	}
}

func twoProcesses(t *testing.T, place backends.Place) {
	t.Helper()
	where, err := json.Marshal(place)
	if err != nil {
		t.Fatal(err)
	}
	key := session.FormatKey(session.GenerateKey())
	var apps [2]string
	for i := range apps {
		apps[i] = child(t, string(where), key)
	}
	client := visitor(t)
	get := func(server string) string {
		resp, err := client.Get(server) //nolint:noctx // the client has a timeout
		if err != nil {
			t.Error(err)
			return ""
		}
		defer func() { _ = resp.Body.Close() }() // read to its end
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %v: %s", resp.Status, err, body)
		}
		return string(body)
	}
	get(apps[0] + "/sign-in") // now the visitor has a ticket, which one jar gives to both
	// A browser sends no more. Of all that are under way one wins, and the others begin
	// again: if all 400 were, a slow server would be asked 80,000 times.
	const atATime = 16
	var wg sync.WaitGroup
	next := make(chan string)
	for range atATime {
		wg.Go(func() {
			for url := range next {
				get(url)
			}
		})
	}
	for i := range 400 {
		next <- apps[i%2] + "/count"
	}
	close(next)
	wg.Wait()
	if got := get(apps[1] + "/read"); got != "400 400" {
		t.Errorf("400 increments and items through two processes come to %s", got)
	}
}

// visitor returns a client with a cookie jar.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{} // a server of httptest that closes takes connections from the default one
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: 2 * patience}
}

// child starts this test binary again as an application and returns its URL.
func child(t *testing.T, place, key string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childPlace+"="+place, childKey+"="+key)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // its end is the child's end
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // it may have been ended by the context
	})
	var addr string
	if _, err := fmt.Fscanln(stdout, &addr); err != nil {
		t.Fatalf("the child did not start: %v", err)
	}
	return addr
}

// runChild is the application: it serves until its standard input ends.
func runChild(place string) error {
	var p backends.Place
	if err := json.Unmarshal([]byte(place), &p); err != nil {
		return err
	}
	store, err := backends.Open(context.Background(), p)
	if err != nil {
		return err
	}
	keys, err := session.ParseKeys(os.Getenv(childKey))
	if err != nil {
		return err
	}
	sessions, err := session.New(store, session.Options{
		Keys:         keys,
		Cookie:       session.Cookie{Insecure: true},
		StoreTimeout: patience,
	})
	if err != nil {
		return err
	}
	server := httptest.NewServer(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		switch r.URL.Path {
		case "/sign-in":
			s.Authenticate("visitor")
		case "/count":
			counter.Update(s, func(n int) int { return n + 1 })
			items.Update(s, func(list []string) []string { return append(list, "item") })
		case "/read":
			fmt.Fprint(w, counter.Get(s), " ", len(items.Get(s)))
		}
	}))
	defer server.Close()
	fmt.Println(server.URL)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
