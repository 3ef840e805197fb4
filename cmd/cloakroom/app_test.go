package main

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestUsageNamesEachCommandAndEachExitCode(t *testing.T) {
	t.Parallel()
	r := cloakroom(t, "help")
	r.want(t, exitDone, exitCodes, "")
	for _, c := range commands {
		r.want(t, exitDone, "  "+strings.TrimSpace(c.name+" "+c.args)+" ", "")
		help := cloakroom(t, c.name, "-h")
		help.want(t, exitDone, "Examples:\n", "")
		for _, e := range c.examples {
			help.want(t, exitDone, "  "+e+"\n", "")
		}
		if !strings.Contains(help.stdout, exitCodes) {
			t.Errorf("%s -h names no exit codes", c.name)
		}
	}
	cloakroom(t).want(t, exitUsage, "", "Usage: cloakroom COMMAND")
}

func TestWhatIsWrongOnTheCommandLineIsSaid(t *testing.T) {
	t.Parallel()
	file := "file:" + t.TempDir()
	for _, c := range []struct {
		args string
		want string
	}{
		{"sweep", "no command sweep"},
		{"sw\x1b[2Jeep", `no command "sw\x1b[2Jeep"`},
		{"count -frequently", "-frequently"},
		{"count 3", "want cloakroom count"},
		{"count", "set CLOAKROOM_STORE or -store"},
		{"count -timeout 0s -store " + file, "-timeout"},
		{"list -store " + file, "want cloakroom list [flags] SUBJECT"},
		{"list ann -json", "flags come before arguments"},
		{"end -store " + file, "want an ID, -subject SUBJECT or -all"},
		{"end -all -store " + file + " ann", "-all"},
		{"end -all -subject ann -store " + file, "-all"},
		{"check -skew -1s -store " + file, "-skew"},
		{"list -idle -1s -store " + file + " ann", "-idle"},
		{"copy " + file + " " + file, "the same"},
		{"copy " + file, "want cloakroom copy [flags] FROM TO"},
		{"count -store sql://host/db", "no store has the scheme"},
		{"show -store " + file + " ann", "ann is no ID; cloakroom list"},
		{"end -subject ann -store " + file + " bob", "bob is no ID"},
		{"redis://user:hunter2@host count", "-store"},
		{"count -redis://user:hunter2@host", "-store"},
		{"count -timeout redis://user:hunter2@host", "-store"},
		{"show redis://user:hunter2@host", "-store"},
		{"copy redis://user:hunter2@host -redis://user:hunter2@host", "-store"},
		{"count -store env:NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE"},
	} {
		r := cloakroom(t, strings.Fields(c.args)...)
		r.want(t, exitUsage, "", c.want)
		if r.stdout != "" || strings.Contains(r.stderr, "hunter2") {
			t.Errorf("%s: prints %q and %q", c.args, r.stdout, r.stderr)
		}
	}
}

func TestHelpDoesNotPrintTheStoreOfTheEnvironment(t *testing.T) {
	t.Setenv(storeVariable, "redis://user:hunter2@host")
	if r := cloakroom(t, "count", "-h"); strings.Contains(r.stdout+r.stderr, "hunter2") {
		t.Error("it prints the password")
	}
}

func TestAStoreIsNamedByTheEnvironment(t *testing.T) { //nolint:paralleltest // Setenv
	for _, address := range places(t) {
		t.Setenv(storeVariable, address)
		cloakroom(t, "count").want(t, exitDone, "sessions   0", "")
		t.Setenv("ANOTHER_STORE", address)
		cloakroom(t, "count", "-store", "env:ANOTHER_STORE").want(t, exitDone, "sessions   0", "")
	}
}

// CLOAKROOM_STORE takes the place of an address that is left out, and not of one that a
// script's variable was to hold.
func TestAnEmptyAddressIsNotThatOfTheEnvironment(t *testing.T) {
	all := places(t)
	a := open(t, all["file"])
	cookie, _ := a.signIn("ann")
	t.Setenv(storeVariable, all["file"])
	for _, args := range [][]string{
		{"end", "-all", "-store", ""},
		{"end", "-all", "-store="},
		{"copy", "", all["sqlite"]},
		{"copy", "-mirror", all["sqlite"], ""},
		{"copy", "env:", all["sqlite"]},
	} {
		r := cloakroom(t, args...)
		if r.code != exitUsage || a.subject(cookie) != "ann" {
			t.Errorf("%q gives %d and %q, and %q is signed in", args, r.code, r.stdout+r.stderr, a.subject(cookie))
		}
	}
}

func TestKeygenPrintsAKeyThatTheApplicationTakes(t *testing.T) {
	t.Parallel()
	r := cloakroom(t, "keygen")
	keys, err := session.ParseKeys(r.stdout)
	if err != nil || len(keys) != 1 || len(keys[0]) != session.MinKeyLen {
		t.Errorf("%q, %v", r.stdout, err)
	}
	if again := cloakroom(t, "keygen"); again.stdout == r.stdout {
		t.Error("twice the same")
	}
}

func TestWithoutAListMemcachedIsUnsupported(t *testing.T) {
	t.Parallel()
	id := base64.RawURLEncoding.EncodeToString(make([]byte, 12))
	for _, args := range []string{"count", "list ann", "show " + id, "end -subject ann", "end " + id, "end -all"} {
		command := strings.Fields(args)
		command = append([]string{command[0], "-store", "memcache://127.0.0.1:1"}, command[1:]...)
		cloakroom(t, command...).want(t, exitUnsupported, "", "memcached can't list what it holds")
	}
	to := places(t)["file"]
	cloakroom(t, "copy", "memcache://127.0.0.1:1", to).want(t, exitUnsupported, "", "memcached can't list what it holds")
	cloakroom(t, "copy", "-mirror", to, "memcache://127.0.0.1:1").want(t, exitUnsupported, "", "memcached can't list what it holds")
	cloakroom(t, "prune", "-store", "memcache://127.0.0.1:1").want(t, exitDone, "0 sessions removed", "the server removes")
	cloakroom(t, "migrate", "-store", "memcache://127.0.0.1:1").want(t, exitDone, "needs no table", "")
}

func TestAStoreThatIsNotThereIsNotMade(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"file:" + t.TempDir() + "/none", "sqlite:" + t.TempDir() + "/none.db"} {
		for _, command := range []string{"count", "check", "prune"} {
			cloakroom(t, command, "-store", address).want(t, exitUsage, "", "cloakroom migrate makes it")
		}
		cloakroom(t, "copy", address, places(t)["file"]).want(t, exitUsage, "", "cloakroom migrate makes it")
	}
}

func TestCtrlCHasAnExitCodeOfItsOwn(t *testing.T) {
	t.Parallel()
	all := places(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"count", "-store", all["file"]},
		{"end", "-store", all["sqlite"], "-all"},
		{"prune", "-store", all["file"]},
		{"check", "-store", all["file"]},
		{"copy", all["file"], all["sqlite"]},
	} {
		cloakroomOn(ctx, storeurl.Open, args...).want(t, exitInterrupted, "", "interrupted: ")
	}
}
