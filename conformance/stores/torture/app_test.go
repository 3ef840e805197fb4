package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// storeTimeout bounds the calls of the application's store.
const storeTimeout = 2 * time.Second

// renewGrace is how long a ticket works on after its successor was seen.
const renewGrace = 5 * time.Second

var items = session.NewKey[[]string]("items")

// A page is what the application answers: what the visitor's session holds.
type page struct {
	Subject  string   `json:"subject"`
	Actor    string   `json:"actor"`
	Items    []string `json:"items"`
	Flashes  []string `json:"flashes"`
	Sessions int      `json:"sessions"`
	Routines int      `json:"routines"`
}

// reasonHeader tells why a request failed, for the report.
const reasonHeader = "Reason"

// childOf is the variable that turns this test binary into an application.
const childOf = "CLOAKROOM_TORTURE_CHILD"

// A config is what an application is told.
type config struct {
	Place   backends.Place `json:"place"`
	Listen  string         `json:"listen"`
	Key     string         `json:"key"`
	Planted string         `json:"planted"` // the bug that its store has
	Lists   bool           `json:"lists"`   // its store has an index by subject
}

// runApp is the application: it serves until its standard input ends.
func runApp(text string) error {
	go func() { // whatever becomes of the test
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	store, err := backends.Open(context.Background(), c.Place)
	for begun := time.Now(); err != nil && time.Since(begun) < backends.Patience; { // the line may be rough
		<-time.After(20 * time.Millisecond)
		store, err = backends.Open(context.Background(), c.Place)
	}
	if err != nil {
		return err
	}
	if bug := planted[c.Planted]; bug != nil {
		store = &broken{Store: store, bug: bug, old: make(map[string]sessionstore.Record)}
	}
	store = noting{store}
	keys, err := session.ParseKeys(c.Key)
	if err != nil {
		return err
	}
	limit := maxSessions
	if !c.Lists {
		limit = 0
	}
	sessions, err := session.New(store, session.Options{
		Keys: keys, Cookie: session.Cookie{Insecure: true}, StoreTimeout: storeTimeout,
		RenewEvery: renewGrace + time.Second, RenewGrace: renewGrace,
		MaxSessions: limit, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", c.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           telling(sessions.HandlerFunc((&app{sessions}).serve)),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.NewTextHandler(os.Stderr, nil), slog.LevelError), // panics
	}
	fmt.Println("ready")
	return server.Serve(listener)
}

type app struct{ sessions *session.Manager }

func (a *app) serve(w http.ResponseWriter, r *http.Request, s *session.Session) {
	op := r.FormValue("op")
	var p page
	var err error
	path := r.URL.Path
	switch {
	case s.Subject() == "" && slices.Contains([]string{"/end-others", "/renew", "/step-up", "/act"}, path):
		path = "/read" // whoever was signed out meanwhile
	case s.Actor() != "" && path == "/act":
		path = "/read" // it was sent again
	}
	switch path {
	case "/append":
		items.Update(s, func(list []string) []string { return append(list, op) })
	case "/sign-in":
		s.Authenticate(r.FormValue("as"))
	case "/short":
		s.SetIdleTimeout(time.Second)
	case "/renew":
		s.Renew()
	case "/step-up":
		s.StepUp("mfa", time.Minute)
	case "/act":
		err = s.Impersonate(r.Context(), r.FormValue("as"), time.Minute)
	case "/back":
		err = s.StopImpersonating(r.Context())
	case "/sign-out":
		s.Destroy()
	case "/flash":
		s.Flash("", op)
	case "/flashes":
		var flashes []session.Flash
		flashes, err = s.Flashes(r.Context())
		for _, f := range flashes {
			p.Flashes = append(p.Flashes, f.Message)
		}
	case "/end-others":
		_, err = s.EndOthers(r.Context())
	case "/end-subject":
		_, err = a.sessions.EndSubject(r.Context(), r.FormValue("as"))
	case "/list":
		var list []session.Info
		list, err = a.sessions.List(r.Context(), r.FormValue("as"))
		p.Sessions = len(list)
	case "/read":
	}
	if err == nil {
		err = s.Commit(r.Context())
	}
	if err != nil {
		w.Header().Set(reasonHeader, err.Error())
		a.sessions.Fail(w, r, err)
		return
	}
	p.Subject, p.Actor, p.Items, p.Routines = s.Subject(), s.Actor(), items.Get(s), runtime.NumGoroutine()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(p); err != nil {
		slog.Error("answer", "error", err)
	}
}

// A process is an application that runs, and may be killed and started again.
type process struct {
	url    string
	config config
	exit   func()
}

// start starts this test binary again as an application.
func start(tb testing.TB, c config) *process {
	tb.Helper()
	port, err := servers.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	c.Listen = net.JoinHostPort("127.0.0.1", port)
	p := &process{url: "http://" + c.Listen, config: c}
	p.run(tb)
	tb.Cleanup(func() { p.exit() })
	return p
}

func (p *process) run(tb testing.TB) {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := json.Marshal(p.config)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), exe)
	cmd.Env = append(os.Environ(), childOf+"="+string(text))
	output := &tail{}
	cmd.Stderr = output
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	var once atomic.Bool
	p.exit = func() {
		if !once.Swap(true) {
			_ = stdin.Close()
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
			if text := output.String(); strings.Contains(text, "panic") || strings.Contains(text, "fatal error") {
				tb.Errorf("an application has panicked:\n%s", text)
			}
		}
	}
	hangs := time.AfterFunc(2*backends.Patience, p.exit)
	defer hangs.Stop()
	var word string
	if _, err := fmt.Fscanln(stdout, &word); err != nil {
		p.exit()
		tb.Fatalf("the application did not start: %v, and has said %q", err, output)
	}
}

// kill ends the application as a crash does, and starts it again.
func (p *process) kill(tb testing.TB) {
	tb.Helper()
	p.exit()
	p.run(tb)
}

// A tail keeps the end of what is written to it.
type tail struct{ atomic.Pointer[[]byte] }

func (t *tail) Write(b []byte) (int, error) {
	old := t.Load()
	var all []byte
	if old != nil {
		all = slices.Clone(*old)
	}
	all = append(all, b...)
	all = all[max(0, len(all)-4000):]
	t.Store(&all)
	return len(b), nil
}

func (t *tail) String() string {
	if b := t.Load(); b != nil {
		return string(*b)
	}
	return ""
}
