package main

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	session "github.com/cloakroom-go/cloakroom/core"
)

// errWrong says that login and password don't match, and not which of them is
// wrong.
var errWrong = errors.New("wrong login or password")

// tooManyError says that there were too many wrong passwords.
type tooManyError struct{ wait time.Duration }

func (e tooManyError) Error() string { return fmt.Sprintf("too many attempts, wait %v", e.wait) }

// A guard checks passwords: for an account ten wrong ones at once and then one in
// half a minute, from an address twenty and then one in three seconds. A right
// one costs nothing.
type guard struct {
	accounts  *accounts
	byAccount *throttle
	byAddress *throttle
	proxied   bool // what the proxy in front says of the client is believed
}

func newGuard(a *accounts, proxied bool) *guard {
	return &guard{a, newThrottle(10, 30*time.Second), newThrottle(20, 3*time.Second), proxied}
}

// check returns the account of that login and password. It returns errWrong, a
// tooManyError, or the context's error.
func (g *guard) check(r *http.Request, login, password string) (account, error) {
	// Taken before, and given back after: guesses at the same moment don't get past.
	if wait := g.byAccount.take(login); wait > 0 {
		return account{}, tooManyError{wait}
	}
	address := g.network(r)
	if wait := g.byAddress.take(address); wait > 0 {
		g.byAccount.give(login)
		return account{}, tooManyError{wait}
	}
	a, ok, err := g.accounts.verify(r.Context(), login, password)
	if ok || err != nil {
		g.byAccount.give(login)
		g.byAddress.give(address)
	}
	switch {
	case err != nil:
		return account{}, err
	case !ok:
		return account{}, errWrong
	}
	return a, nil
}

// network returns what the throttle knows the client by: its address, or of an
// IPv6 address the 64 bits that a subscriber gets at least.
func (g *guard) network(r *http.Request) string {
	host := r.RemoteAddr
	if g.proxied { // which appends the address that it was called from
		all := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		if last := strings.TrimSpace(all[strings.LastIndex(all, ",")+1:]); last != "" {
			host = last
		}
	}
	if from, err := netip.ParseAddrPort(host); err == nil {
		host = from.Addr().String()
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return ""
	case addr.Unmap().Is4():
		return addr.Unmap().String()
	}
	prefix, _ := addr.Prefix(64) // an IPv6 address has as many
	return prefix.String()
}

// refused returns how to answer whom check did not let in.
func (v *visit) refused(err error) (status int, message string) {
	var many tooManyError
	switch {
	case errors.Is(err, errWrong):
		// 403, not 401: that one belongs to HTTP's own authentication (RFC 9110, 15.5).
		return http.StatusForbidden, v.t("login.wrong")
	case errors.As(err, &many):
		seconds := int(math.Ceil(many.wait.Seconds()))
		v.w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return http.StatusTooManyRequests, v.t("login.throttled", seconds)
	default: // the visitor has gone
		return http.StatusServiceUnavailable, v.t("error.broken")
	}
}

// A passwordForm is shown by /confirm and /password.
type passwordForm struct{ Next, Error string }

// Lengths of a password in characters. It may be a whole sentence (NIST SP
// 800-63B-4, 3.1.1.2), but not a book.
const (
	minPassword = 8
	maxPassword = 256
)

func (v *visit) showPassword() { v.showPasswordForm(http.StatusOK, "") }

func (v *visit) showPasswordForm(status int, problem string) {
	v.show(status, "password", v.t("password.title"), passwordForm{Error: problem})
}

// changePassword ends every other session of the account: whoever knew the old
// password is out.
func (v *visit) changePassword() {
	if _, err := v.guard.check(v.r, v.who.Login, v.r.PostForm.Get("current")); err != nil {
		v.showPasswordForm(v.refused(err))
		return
	}
	password := v.r.PostForm.Get("password")
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		v.showPasswordForm(http.StatusUnprocessableEntity, v.t("password.length", minPassword, maxPassword))
		return
	}
	v.begin(*v.who)
	if err := v.s.Commit(v.r.Context()); err != nil { // better now than when the password is another one
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	a, err := v.accounts.setPassword(v.r.Context(), v.who.ID, password)
	if err != nil {
		v.fail(http.StatusServiceUnavailable, "error.broken")
		return
	}
	v.s.SetAuthHash(a.authHash())
	v.endOthers()
	v.s.Flash("success", v.t("password.changed"))
	v.redirect("/profile")
}

// endOthers ends the account's other sessions now. If that can't be done,
// CheckAuthHash turns them away when they come back: they are tied to the old
// password.
func (v *visit) endOthers() {
	_, err := v.s.EndOthers(v.r.Context())
	if err != nil && !errors.Is(err, session.ErrUnsupported) {
		v.log.WarnContext(v.r.Context(), "demo: other sessions not ended yet", "session", v.s.Handle(), "error", err)
	}
}
