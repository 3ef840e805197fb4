package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asProgram is a variable of the environment that makes the test binary the program.
const asProgram = "CLOAKROOM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	hashMemory = 64 // these passwords need not be hard to guess
	goleak.VerifyTestMain(m)
}

func TestArgumentsThatAreNone(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }() // nothing depends on it
	for want, args := range map[string][]string{
		"-h lists the flags":    {"-port", "8080"},
		"-store memory names":   {"-store", "memory"},
		`unexpected argument`:   {"serve"},
		"memory:, file:FOLDER":  {"-store", "redis:"},
		"is not positive":       {"-store", "memory:", "-fresh", "0s"},
		"both -https and":       {"-store", "memory:", "-https", "-secure"},
		"-addr nowhere":         {"-store", "memory:", "-addr", "nowhere"},
		taken.Addr().String():   {"-store", "memory:", "-addr", taken.Addr().String()},
		"-addr 127.0.0.1:99999": {"-store", "memory:", "-addr", "127.0.0.1:99999"},
	} {
		if err := run(t.Context(), args, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", args, err, want)
		}
	}
}

func TestHelpListsTheFlags(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), []string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"-addr", "-store", "-secure", "-https", "memory:", "127.0.0.1:8080", keysVariable} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help lacks %s:\n%s", want, out.String())
		}
	}
}

func TestRequestsUnderWayAreAnsweredAtTheEnd(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- errors.Join(run(ctx, []string{"-addr", "127.0.0.1:0", "-store", "memory:"}, in), in.Close())
	}()
	v := site{url: readURL(t, out)}.visitor(t)
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the pipe

	// Half of a form is sent, so that the handler waits for the rest when the shop
	// closes. With Expect, the client begins when the handler asks for it.
	token := v.token()
	v.client.Transport = &http.Transport{ExpectContinueTimeout: time.Minute}
	body, rest := io.Pipe()
	r := v.request(http.MethodPost, "/cart/coat", "")
	r.Body, r.ContentLength = body, -1
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Expect", "100-continue")
	answered := make(chan answer, 1)
	go func() {
		a, err := v.try(r)
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	if _, err := io.WriteString(rest, "csrf_token="+token+"&quantity="); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := io.WriteString(rest, "2"); err != nil {
		t.Fatal(err)
	}
	if err := rest.Close(); err != nil {
		t.Fatal(err)
	}
	v.wantRedirect(<-answered, "/cart")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The program itself, killed in the middle of its work and started again.
func TestVisitorsSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := "file:" + filepath.Join(dir, "data")

	first, v := start(t, store)
	for _, want := range []string{"1\n", "2\n"} {
		if got := v.get("/visits").body; got != want {
			t.Errorf("visits %q, want %q", got, want)
		}
	}
	v.signIn(ada)
	v.post("/cart/scarf", "quantity=1")
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // an error: it was killed

	second, again := start(t, store)
	v.url = again.url
	if got := v.get("/visits").body; got != "3\n" {
		t.Errorf("visits %q, want %q", got, "3\n")
	}
	v.wantText(v.get("/profile"), ada.Name)
	if got := v.cart(); got != "Scarf 1" {
		t.Errorf("cart %q", got)
	}
	if runtime.GOOS == "windows" {
		return // which has no signals to send
	}
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("SIGTERM ends the shop with %v", err)
	}
}

// start starts the shop as a process of its own, on a free port.
func start(t *testing.T, store string) (*exec.Cmd, *visitor) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "127.0.0.1:0", "-store", store)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, keysVariable+"=") })
	cmd.Env = append(cmd.Env, asProgram+"=yes")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	return cmd, site{url: readURL(t, out)}.visitor(t)
}

var urlPattern = regexp.MustCompile(`http://\S+`)

// readURL reads up to the line that says where the shop is open.
func readURL(t *testing.T, out io.Reader) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		defer close(found)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url := urlPattern.FindString(lines.Text()); url != "" {
				found <- url
				return
			}
		}
	}()
	url, ok := <-found
	if !ok {
		t.Fatal("the shop ended without saying where it is open")
	}
	return url
}
