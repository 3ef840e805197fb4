//go:build unix

package stores_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/need"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// operations is the page for operators, account the subject that it speaks of.
const (
	operations = "docs/operations.md"
	account    = "account-1001"
)

// notRun are the beginnings of blocks of shell that no test runs, and why.
var notRun = map[string]string{
	"go install ":       "it takes the latest release from the network; TestAProgramIsInstalledAsItWasTagged installs one",
	"go test -run '^$'": "it builds all tests once more, for a benchmark",
	"cloakroom check":   "alarm is the reader's own; TestTheCommandOnEveryStore runs check",
}

// TestShellInPagesDoesWhatTheySay runs the blocks of shell of the operators' pages.
func TestShellInPagesDoesWhatTheySay(t *testing.T) {
	programs := t.TempDir()
	goCommand(t, "build", "-o", programs, "./cmd/cloakroom")
	t.Setenv("PATH", programs+string(os.PathListSeparator)+os.Getenv("PATH"))
	run := map[string]func(*testing.T, string){
		"cloakroom keygen":           printsKeys,
		"printf %s account-1001":     printsTheHash,
		"cloakroom list -json":       printsWhatIsKept,
		"cloakroom end -all || test": endsNothing,
	}
	for _, name := range []string{operations, "docs/command.md"} { //nolint:paralleltest // PATH is the process's
		for _, text := range shellBlocks(read(t, name)) {
			known := false
			for with, why := range notRun {
				if strings.HasPrefix(text, with) {
					known = true
					t.Logf("%s: %q is not run: %s", name, text, why)
				}
			}
			for with, f := range run {
				if strings.HasPrefix(text, with) {
					known = true
					t.Run(with, func(t *testing.T) { f(t, text) }) // one that lacks a program is skipped alone
				}
			}
			if !known {
				t.Errorf("%s: no test runs\n%s", name, text)
			}
		}
	}
}

// shellBlocks returns the insides of fences that say sh.
func shellBlocks(text string) (found []string) {
	for _, part := range strings.Split(text, "\n```sh\n")[1:] {
		inside, _, _ := strings.Cut(part, "\n```")
		found = append(found, inside)
	}
	return found
}

func printsKeys(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		keys, err := session.ParseKeys(here(t, "", strings.TrimSpace(line)))
		if err != nil || len(keys) != 1 || len(keys[0]) != session.MinKeyLen {
			t.Errorf("%s: %d keys, %v", line, len(keys), err)
		}
	}
}

func printsTheHash(t *testing.T, text string) {
	t.Helper()
	if got := strings.TrimSpace(here(t, "", text)); got != hash() {
		t.Errorf("%s prints %s, want %s", text, got, hash())
	}
}

func printsWhatIsKept(t *testing.T, text string) {
	t.Helper()
	b := backends.Named(t, "file")
	store, p := b.New(t)
	c := theCrowd(t, store)
	got := here(t, b.Command(p), text)
	if n := strings.Count(got, `"value": "es"`); n != 2 || !strings.Contains(got, `"message": "it is saved"`) ||
		!strings.Contains(got, "2 sessions ended\n") {
		t.Errorf("of two sessions it prints\n%s", got)
	}
	if left, err := sessionstore.ListSubject(t.Context(), store, account); err != nil || len(left) > 0 || len(c.others) == 0 {
		t.Errorf("%d sessions are left, %v", len(left), err)
	}
}

func endsNothing(t *testing.T, text string) {
	t.Helper()
	b := backends.Named(t, "file")
	_, p := b.New(t)
	if got := here(t, b.Command(p), "set -e\n"+text); !strings.Contains(got, "0 sessions ended\n") {
		t.Errorf("it prints %s", got)
	}
}

// inPages are the programs that the pages use and not every system has, with their packages.
var inPages = map[string]string{"sqlite3": "sqlite3", "xxd": "xxd", "strings": "binutils", "openssl": "openssl", "jq": "jq"}

// here runs a script on this machine, in the root of the repository, with the command
// cloakroom. It fails the test if the script does.
func here(t *testing.T, store, script string, args ...string) string {
	t.Helper()
	for program := range inPages {
		if _, err := exec.LookPath(program); err != nil && regexp.MustCompile(`(^|\W)`+program+`(\W|$)`).MatchString(script) {
			need.Missing(t, "no "+program+" on the PATH, which docs/operations.md uses", program)
		}
	}
	work, err := filepath.Abs(filepath.Join(root, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "GOWORK="+work, "CLOAKROOM_STORE="+store)
	var stderr strings.Builder // what a program warns of is no part of what it shows
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, &stderr)
	}
	return string(out)
}

// A crowd are the sessions in a store that commands look into.
type crowd struct {
	mine, others []string // ids of records: the subject's, and those of others
	live         int      // records, the tombstone of one that a visitor has signed out of among them
}

func theCrowd(t *testing.T, store sessionstore.Store) (c crowd) {
	t.Helper()
	m := manager(t, store, lifeOptions())
	visit := func(cookie *http.Cookie, f func(context.Context, *session.Session)) *http.Cookie {
		_, cookie = send(t, m, cookie, f)
		return cookie
	}
	language := session.NewKey[string]("language")
	signIn := func(who string) *http.Cookie {
		return visit(nil, func(_ context.Context, s *session.Session) {
			s.Authenticate(who)
			s.Flash("success", "it is saved")
			language.Set(s, "es")
		})
	}
	signIn(account)
	signIn(account)
	signIn("account-2002")
	visit(signIn(account), func(_ context.Context, s *session.Session) { s.Destroy() })
	visit(nil, func(_ context.Context, s *session.Session) { language.Set(s, "fr") })
	expired := strings.Repeat("A", sessionstore.IDLen)
	r := sessionstore.Record{Subject: "account-2002", Version: 1}
	var err error
	servers.Eventually(t, "a record is stored before it has expired", func() bool {
		r.Expires = time.Now().Add(time.Millisecond)
		err = store.Create(t.Context(), expired, r)
		return !errors.Is(err, sessionstore.ErrInvalid)
	})
	if err != nil {
		t.Fatal(err)
	}
	servers.Eventually(t, "a record has expired", func() bool {
		_, err := store.Load(t.Context(), expired)
		return errors.Is(err, sessionstore.ErrNotFound) && time.Now().Unix() > r.Expires.Unix() // a command may count seconds
	})
	c.others = []string{expired}
	for e, err := range sessionstore.Scan(t.Context(), store) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Record.Subject == account:
			c.mine = append(c.mine, e.ID)
		default:
			c.others = append(c.others, e.ID)
		}
		c.live++
	}
	if len(c.mine) != 2 || c.live != 5 {
		t.Fatalf("%d records, %d of them the subject's", c.live, len(c.mine))
	}
	return c
}
