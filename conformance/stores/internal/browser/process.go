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

// A process is a running Chromium.
type process struct {
	ctx     context.Context //nolint:containedctx // chromedp keeps the browser in it
	profile string          // its folder
}

// features are what Enable has switched on.
var features []string

// Enable switches features of Chromium's on that are off by default, for this test
// binary. TestMain calls it first.
func Enable(names ...string) { features = append(features, names...) }

// unseen are parts of Chromium's own window that are pages in processes of their own. Each
// Visitor's window would start them, which takes a quarter of the browser's time.
var unseen = []string{"WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "PreloadTopChromeWebUI"}

// running is the Chromium of this test binary.
var running struct {
	once sync.Once
	p    *process
	err  error
}

// Need ends a test for which there is no browser. New does so too: Need is for tests
// that would make other preparations in vain.
func Need(tb testing.TB) {
	tb.Helper()
	if find() == "" {
		need.Missing(tb, "no browser: CLOAKROOM_CHROMIUM is not set, and neither Chromium nor Chrome is on the PATH", "browser")
	}
}

// chromium starts the browser unless it runs, and returns its context.
func chromium(tb testing.TB) context.Context {
	tb.Helper()
	Need(tb)
	path := find()
	running.once.Do(func() { running.p, running.err = start(path) })
	if running.err != nil {
		tb.Fatalf("start %s: %v", path, running.err)
	}
	return running.p.ctx
}

// start starts the browser. It speaks through a pipe and ends with this process,
// whatever becomes of that.
func start(path string) (*process, error) {
	profile, err := newProfile()
	if err != nil {
		return nil, err
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), flags(path, profile)...)
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, errors.Join(err, os.RemoveAll(profile))
	}
	return &process{ctx, profile}, nil
}

// Stop ends the browser, if it was started. TestMain calls it last.
func Stop() {
	if running.p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(running.p.ctx, timeout)
	defer cancel()
	if err := errors.Join(chromedp.Cancel(ctx), os.RemoveAll(running.p.profile)); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
	}
}

// newProfile makes a folder for the browser's profile. Third-party cookies are
// allowed in it, as they are for most people; visitors are incognito to the
// browser, which would block them.
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

// find returns the path of the browser, or "".
func find() string {
	if path := os.Getenv("CLOAKROOM_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
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
