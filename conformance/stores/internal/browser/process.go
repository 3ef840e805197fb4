package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/need"
)

// A process is a running Chromium, or a headless shell.
type process struct {
	ctx     context.Context //nolint:containedctx // chromedp keeps the browser in it
	profile string          // its folder
	err     error           // why it could not be started
}

// features are what Enable has switched on.
var features []string

// Enable switches features of Chromium's on that are off by default, for this test
// binary. TestMain calls it first.
func Enable(names ...string) { features = append(features, names...) }

// unseen are parts of Chromium's own window that are pages in processes of their own. Each
// Visitor's window would start them, which takes a quarter of the browser's time.
var unseen = []string{"WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "PreloadTopChromeWebUI"}

// running are the browsers of this test binary, by the program's path.
var running = struct {
	mu        sync.Mutex
	processes map[string]*process
}{processes: make(map[string]*process)}

// Need ends a test for which there is no browser. New and NewWhole do so too: Need is for
// tests that would make other preparations in vain.
func Need(tb testing.TB) {
	tb.Helper()
	required(tb, light())
}

func required(tb testing.TB, path string) {
	tb.Helper()
	if path == "" {
		need.Missing(tb, "no browser: CLOAKROOM_CHROMIUM is not set, and neither Chromium nor Chrome is on the PATH", "browser")
	}
}

// chromium starts a browser unless it runs, and returns its context.
func chromium(tb testing.TB, path string) context.Context {
	tb.Helper()
	required(tb, path)
	running.mu.Lock()
	defer running.mu.Unlock()
	p, ok := running.processes[path]
	if !ok {
		p = start(path)
		running.processes[path] = p
	}
	if p.err != nil {
		tb.Fatalf("start %s: %v", path, p.err)
	}
	return p.ctx
}

// start starts a browser. It speaks through a pipe and ends with this process,
// whatever becomes of that.
func start(path string) *process {
	profile, err := newProfile()
	if err != nil {
		return &process{err: err}
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), flags(path, profile)...)
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return &process{err: errors.Join(err, os.RemoveAll(profile))}
	}
	return &process{ctx: ctx, profile: profile}
}

// Stop ends the browsers that were started. TestMain calls it last.
func Stop() {
	running.mu.Lock()
	defer running.mu.Unlock()
	for _, p := range running.processes {
		if err := p.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "browser:", err)
		}
	}
}

func (p *process) stop() error {
	if p.err != nil { // it was not started
		return nil
	}
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	return errors.Join(chromedp.Cancel(ctx), os.RemoveAll(p.profile))
}

// newProfile makes a folder for the browser's profile. Third-party cookies are
// allowed in it, as they are for most people; visitors are incognito to the
// browser, which would block them. The headless shell reads no preferences, and allows
// them anyway.
func newProfile() (string, error) {
	dir, err := os.MkdirTemp("", "cloakroom-browser")
	if err != nil {
		return "", fmt.Errorf("folder for the profile: %w", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "Default"), 0o700); err != nil {
		return "", fmt.Errorf("folder for the profile: %w", err)
	}
	const preferences = `{"profile": {"cookie_controls_mode": 0}}`
	if err := os.WriteFile(filepath.Join(dir, "Default", "Preferences"), []byte(preferences), 0o600); err != nil {
		return "", fmt.Errorf("preferences: %w", err)
	}
	return dir, nil
}

// light returns the path of what costs least: the headless shell or else the browser; or "".
func light() string {
	if path := os.Getenv("CLOAKROOM_HEADLESS_SHELL"); path != "" {
		return path
	}
	if os.Getenv("CLOAKROOM_CHROMIUM") == "" { // else that one is asked for
		if path := onPath("chromium-headless-shell", "chrome-headless-shell"); path != "" {
			return path
		}
	}
	return whole()
}

// whole returns the path of the browser, or "".
func whole() string {
	if path := os.Getenv("CLOAKROOM_CHROMIUM"); path != "" {
		return path
	}
	return onPath("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
}

// onPath returns the path of the first of these programs that is there, or "".
func onPath(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Clean(path)
		}
	}
	return ""
}

func flags(path, profile string) []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("user-data-dir", profile),
		chromedp.NoSandbox, // the pages are ours, and containers have no user namespaces
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1"),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("ignore-certificate-errors-spki-list", certificatePin()),
		chromedp.Flag("enable-features", strings.Join(features, ",")),
		chromedp.Flag("disable-features", "Translate,"+strings.Join(unseen, ",")),
	)
}
