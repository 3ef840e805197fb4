// Package browser gives tests visitors with a real browser, and the sites that
// they visit.
//
// A test binary starts one browser, when a test first asks for it: the headless shell that
// CLOAKROOM_HEADLESS_SHELL names, or else the Chromium that CLOAKROOM_CHROMIUM names, or
// else one of them on the PATH. The shell is Chromium without the window, and takes half of
// the processor time. NewWhole says what the shell can't do. Where there is no browser,
// the test is skipped, or fails if CLOAKROOM_REQUIRE holds "all" or "browser".
//
// Every host name leads to the loopback interface, whatever DNS says: a test has as
// many sites as it likes, and nothing reaches the network.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// timeout bounds what a Visitor does in one step. It only ends what hangs: a busy
// machine may be slow.
const timeout = 5 * time.Minute

// A Visitor is somebody with a browser of their own: one tab, and cookies, cache
// and history that no other Visitor sees.
//
//	ann, bob := browser.New(t), browser.New(t)
//
// What goes wrong ends the test. A Visitor is for one goroutine.
type Visitor struct {
	tb  testing.TB
	ctx context.Context //nolint:containedctx // chromedp keeps the tab in it

	mu       sync.Mutex
	failures []string // what could not be loaded, and why
}

// New returns a new Visitor, who leaves when the test ends. If it has failed, what
// they saw last goes into the folder that CLOAKROOM_SCREENSHOTS names, or else among
// the test's artifacts.
func New(tb testing.TB) *Visitor {
	tb.Helper()
	return enter(tb, light())
}

// NewWhole is New with Chromium itself, for what the headless shell does not have: device-bound
// sessions, and pages that the browser keeps to show them again when the visitor goes back.
func NewWhole(tb testing.TB) *Visitor {
	tb.Helper()
	return enter(tb, whole())
}

func enter(tb testing.TB, path string) *Visitor {
	tb.Helper()
	parent := chromium(tb, path)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	tb.Cleanup(cancel)
	v := &Visitor{tb: tb, ctx: ctx}
	// The first step opens the tab, which lives as long as the step's context.
	if err := chromedp.Listen(ctx, v.noteFailure); err != nil {
		tb.Fatalf("new tab: %v", err)
	}
	tb.Cleanup(v.explain)
	return v
}

// Tab opens another tab of the same person's: with the same cookies, for another
// goroutine.
func (v *Visitor) Tab() *Visitor {
	v.tb.Helper()
	ctx, cancel := chromedp.NewContext(v.ctx)
	v.tb.Cleanup(cancel)
	tab := &Visitor{tb: v.tb, ctx: ctx}
	if err := chromedp.Listen(ctx, tab.noteFailure); err != nil {
		v.tb.Fatalf("new tab: %v", err)
	}
	return tab
}

// RunScripts makes the tab run what a page's policy forbids.
func (v *Visitor) RunScripts() {
	v.tb.Helper()
	v.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
		return err //nolint:wrapcheck // Do says what failed
	}))
}

// Do carries out steps, one after the other.
func (v *Visitor) Do(steps ...chromedp.Action[chromedp.Void]) {
	v.tb.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, timeout)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		v.tb.Fatalf("browser: %v", err)
	}
}

// Open goes to an address, as if it was typed in, waits until the page and what is
// in its frames has been loaded, and returns its text.
func (v *Visitor) Open(url string) string {
	v.tb.Helper()
	v.Do(chromedp.Navigate(url))
	return v.Text()
}

// Follow does what leads to another page, clicking on a link, for instance, waits
// until that is loaded, and returns its text.
func (v *Visitor) Follow(steps ...chromedp.Action[chromedp.Void]) string {
	v.tb.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, timeout)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, steps...); err != nil {
		v.tb.Fatalf("browser: %v", err)
	}
	return v.Text()
}

// Back goes back in the history to a page with this address, loaded again or as the
// browser has kept it, and returns its text.
func (v *Visitor) Back(url string) string {
	v.tb.Helper()
	v.GoBack()
	v.Await(fmt.Sprintf(`location.href === %q && document.readyState === "complete"`, url))
	return v.Text()
}

// GoBack presses the Back button; the caller waits for the page that it expects.
func (v *Visitor) GoBack() {
	v.tb.Helper()
	v.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		// The browser is told: a page that is told may be gone before it answers.
		history, err := cdp.Call(ctx, t, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err //nolint:wrapcheck // Do says what failed
		}
		if history.CurrentIndex == 0 {
			return errors.New("there is no page to go back to")
		}
		_, err = cdp.Call(ctx, t, page.NavigateToHistoryEntry,
			page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
		return err //nolint:wrapcheck // Do says what failed
	}))
}

// Await waits until a JavaScript condition holds, on whichever page comes.
func (v *Visitor) Await(condition string) {
	v.tb.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, timeout)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		// While one page gives way to another, there is nothing to ask.
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		if err == nil && holds {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			v.tb.Fatalf("%s: %v, last with %v, %v", condition, ctx.Err(), holds, err)
		}
	}
}

// Text returns the text of the page.
func (v *Visitor) Text() string {
	v.tb.Helper()
	return Eval[string](v, "document.body.innerText")
}

// Picture returns an image of the whole page, as PNG.
func (v *Visitor) Picture() []byte {
	v.tb.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, timeout)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		v.tb.Fatalf("picture: %v", err)
	}
	return image
}

// Cookies returns all cookies that the browser has, those that scripts don't see
// and those in partitions included.
func (v *Visitor) Cookies() []*network.Cookie {
	v.tb.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, timeout)
	defer cancel()
	c := chromedp.FromContext(v.ctx)
	all, err := cdp.Call(ctx, c.Browser, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: c.BrowserContextID})
	if err != nil {
		v.tb.Fatalf("cookies: %v", err)
	}
	return all.Cookies
}

// BlockThirdPartyCookies makes the browser as strict as those that send no cookie
// to another site's frame unless it is partitioned.
func (v *Visitor) BlockThirdPartyCookies() {
	v.tb.Helper()
	v.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.SetCookieControls,
			network.SetCookieControlsParams{EnableThirdPartyCookieRestriction: true})
		return err //nolint:wrapcheck // Do says what failed
	}))
}

// Eval returns the value of a JavaScript expression on the page.
func Eval[T any](v *Visitor, expression string) T {
	v.tb.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, timeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		v.tb.Fatalf("browser: %s: %v", expression, err)
	}
	return value
}

// noteFailure remembers why the browser could not load something: scripts and steps
// don't learn that.
func (v *Visitor) noteFailure(event any) {
	if e, ok := event.(*network.EventLoadingFailed); ok && !e.Canceled {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.failures = append(v.failures, fmt.Sprintf("%s: %s", e.Type, e.ErrorText))
	}
}

// explain shows what a test that has failed saw last.
func (v *Visitor) explain() {
	if !v.tb.Failed() {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.failures) > 0 {
		v.tb.Logf("the browser could not load: %s", strings.Join(v.failures, ", "))
	}
	folder := os.Getenv("CLOAKROOM_SCREENSHOTS")
	if folder == "" {
		folder = v.tb.ArtifactDir()
	}
	ctx, cancel := context.WithTimeout(v.ctx, timeout)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = save(folder, strings.NewReplacer("/", "_", `\`, "_", ":", "_").Replace(v.tb.Name()), image)
	}
	if err != nil {
		v.tb.Logf("no screenshot: %v", err)
	}
}

// save writes an image under a name that begins with prefix: the visitors of one
// test keep theirs side by side.
func save(folder, prefix string, image []byte) error {
	if err := os.MkdirAll(folder, 0o750); err != nil { //nolint:gosec // who runs the tests names it
		return fmt.Errorf("folder: %w", err)
	}
	f, err := os.CreateTemp(folder, prefix+"-*.png")
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	_, err = f.Write(image)
	return errors.Join(err, f.Close())
}
