package command_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestTheCommandOnEveryStore runs each command on each store.
func TestTheCommandOnEveryStore(t *testing.T) {
	t.Parallel()
	for _, b := range backends.All {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			if b.Lists {
				drive(t, b)
			} else {
				driveUnlisted(t, b)
			}
		})
	}
}

type counts struct {
	Sessions, SignedIn, Anonymous, Unreadable, Damaged int
}

type view struct {
	ID, Subject string
	Values      []struct {
		Name  string
		Value any
	}
}

// drive runs each command on a store.
func drive(t *testing.T, b *backends.Backend) {
	t.Helper()
	p := b.Place(t)
	address := b.Command(p)
	do := func(args ...string) result {
		t.Helper()
		r := run(t, address, args...)
		if u, err := url.Parse(address); err == nil && u.User != nil && strings.Contains(r.stdout+r.stderr, u.User.String()) {
			t.Errorf("%q prints the password", args)
		}
		return r
	}
	do("migrate").want(t, 0, "", "")
	do("count").want(t, 0, "sessions   0\n", "")
	a := newApplication(t, b.At(t, p))
	do("migrate").want(t, 0, "", "") // again
	do("check", "-skew", "1h").want(t, 0, "read, written, compared", "")

	phone, phoneID := a.signIn("ann")
	desk, _ := a.signIn("ann")
	bob, _ := a.signIn("bob\n\x1b[2J")
	nobody := a.visit(nil, func(s *session.Session) { language.Set(s, "fr") })
	if got, want := decoded[counts](t, do("count", "-json")), (counts{Sessions: 4, SignedIn: 3, Anonymous: 1}); got != want {
		t.Errorf("count: %+v, want %+v", got, want)
	}
	list := decoded[[]view](t, do("list", "-json", "ann"))
	if len(list) != 2 || list[1].ID != phoneID || list[0].Subject != "ann" {
		t.Errorf("list: %+v, want %s as the last of two", list, phoneID)
	}
	r := do("show", phoneID)
	r.want(t, 0, "language  4      \"es\"", "")
	for _, cookie := range []*http.Cookie{phone, desk, bob, nobody} {
		if strings.Contains(r.stdout, cookie.Value[:43]) {
			t.Error("show prints a ticket")
		}
	}
	v := decoded[view](t, do("show", "-json", "-subject", "ann", phoneID))
	if v.ID != phoneID || len(v.Values) != 1 || v.Values[0].Value != "es" {
		t.Errorf("show: %+v", v)
	}
	do("list", "bob\n\x1b[2J").want(t, 0, "\n", "")
	do("end", phoneID).want(t, 0, "1 session ended\n", "")
	do("end", phoneID).want(t, 3, "", "there is no session ")
	if a.subject(phone) != "" || a.subject(desk) != "ann" {
		t.Error("it has not ended the one that it was told")
	}
	do("end", "-subject", "ann").want(t, 0, "1 session ended\n", "")
	if a.subject(desk) != "" || a.subject(bob) == "" {
		t.Error("it has not ended the subject's sessions")
	}
	do("prune").want(t, 0, "0 sessions removed\n", "")
	do("end", "-all").want(t, 0, "2 sessions ended\n", "")
	if a.subject(bob) != "" {
		t.Error("it has not ended all")
	}
	r = do("end", "-all")
	r.want(t, 3, "0 sessions ended\n", "there is no session: is this the application's store")
	if b.Name != "file" && !strings.Contains(r.stderr, "="+p.Name) {
		t.Errorf("%s is not named: %s", p.Name, r.stderr)
	}
	do("count").want(t, 0, "sessions   0\n", "")
}

// driveUnlisted runs each command on a store that can't list what it holds.
func driveUnlisted(t *testing.T, b *backends.Backend) {
	t.Helper()
	store, p := b.New(t)
	a, address := newApplication(t, store), b.Command(p)
	run(t, address, "migrate").want(t, 0, "needs no table", "")
	cookie, id := a.signIn("ann")
	run(t, address, "check", "-skew", "1h").want(t, 0, "clock ahead of this one", "")
	run(t, address, "prune").want(t, 0, "0 sessions removed\n", "")
	for _, args := range [][]string{{"count"}, {"list", "ann"}, {"show", id}, {"end", "-subject", "ann"}, {"end", id}, {"end", "-all"}} {
		run(t, address, args...).want(t, 4, "", "memcached can't list what it holds")
	}
	if a.subject(cookie) != "ann" {
		t.Error("it has ended something")
	}
}

func TestAWrongPasswordIsNotPrintedOnAnyStore(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "mysql"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := backends.Named(t, name)
			wrongPassword(t, b.Command(b.Place(t)))
		})
	}
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		s := servers.Own(t, servers.Redis)
		client := redis.NewClient(backends.RedisOptions(s.URL))
		defer func() { _ = client.Close() }() // nothing comes after it
		if err := client.ConfigSet(t.Context(), "requirepass", "right").Err(); err != nil {
			t.Fatal(err)
		}
		wrongPassword(t, "redis://"+s.URL)
	})
}

// wrongPassword opens a store with another password than its own.
func wrongPassword(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	user := "default"
	if u.User != nil {
		user = u.User.Username()
	}
	u.User = url.UserPassword(user, "hunter2/@ 100%")
	for _, command := range []string{"check", "count"} {
		r := run(t, u.String(), command)
		r.want(t, 1, "", "cloakroom: "+u.Scheme+"://"+u.Host)
		if text := r.stdout + r.stderr; strings.Contains(text, "hunter2") {
			t.Errorf("%s prints the password: %s", command, text)
		}
	}
}

func TestPostgresCommandNeedsItsTable(t *testing.T) {
	t.Parallel()
	b := backends.Named(t, "postgres")
	address := b.Command(b.Place(t))
	for _, command := range []string{"check", "count", "prune"} {
		run(t, address, command).want(t, 1, "", "Migrate")
	}
}

// TestCtrlCEndsTheCommand sends the signal while a server lets it wait.
func TestCtrlCEndsTheCommand(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Log("a process can't send Ctrl-C to another one alone; the module's tests cancel the context")
		return
	}
	for name, form := range map[string]string{"server": "redis://%s", "sentinel": "redis+sentinel://%s/main"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			interrupt(t, form)
		})
	}
}

// interrupt sends the signal to a count that waits for a server.
func interrupt(t *testing.T, form string) {
	t.Helper()
	var l net.ListenConfig
	silent, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }() // nothing comes after it
	cmd := command(t, fmt.Sprintf(form, silent.Addr()), "count", "-timeout", "10m")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept() // now it waits for an answer
	if err == nil {
		defer func() { _ = conn.Close() }() // the same
		err = cmd.Process.Signal(os.Interrupt)
	}
	if err != nil {
		t.Fatal(err)
	}
	exit := new(exec.ExitError)
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("%v: %s", err, &stderr)
	}
}
