package main

import (
	"cmp"
	"errors"
	"math"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// refused returns how to answer whom check did not let in. wrong says what was
// wrong in the form at hand.
func (v *visit) refused(err error, wrong string) (status int, message string) {
	var many tooManyError
	switch {
	case errors.Is(err, errWrong):
		// 403, not 401: that one belongs to HTTP's own authentication (RFC 9110, 15.5).
		return http.StatusForbidden, v.t(wrong)
	case errors.As(err, &many):
		seconds := int(math.Ceil(many.wait.Seconds()))
		v.w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return http.StatusTooManyRequests, v.t("login.throttled", seconds)
	default: // the visitor has gone, or too many sign in at the moment
		v.w.Header().Set("Retry-After", "5")
		return http.StatusServiceUnavailable, v.t("error.broken")
	}
}

// inside says for the guard who is signed in: the session or, as each impersonation is a
// new one, the administrator who acts.
func (v *visit) inside() string { return cmp.Or(v.s.Actor(), v.s.ID()) }

// A passwordForm is shown by /confirm and /password. Field is the one that Error
// is about, if there are several.
type passwordForm struct{ Next, Error, Field string }

// Lengths of a password in characters: NIST wants 15 where it is the only factor (SP 800-63B-4,
// 3.1.1.2). It may be a whole sentence, but not a book.
const (
	minPassword = 15
	maxPassword = 256
)

func (v *visit) showPassword() { v.showPasswordForm(http.StatusOK, passwordForm{}) }

func (v *visit) showPasswordForm(status int, f passwordForm) {
	v.show(status, "password", v.t("password.title"), f)
}

// showWrongPassword answers whose current password did not let them change it.
func (v *visit) showWrongPassword(err error) {
	status, problem := v.refused(err, "password.wrong")
	v.showPasswordForm(status, passwordForm{Error: problem, Field: "current"})
}

// changePassword ends every other session of the account: whoever knew the old
// password is out.
func (v *visit) changePassword() {
	checked, err := v.guard.check(v.r.Context(), v.inside(), v.who.Login, v.r.PostFormValue("current"))
	if err != nil {
		v.showWrongPassword(err)
		return
	}
	password := v.r.PostFormValue("password")
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		problem := v.t("password.length", minPassword, maxPassword)
		v.showPasswordForm(http.StatusUnprocessableEntity, passwordForm{Error: problem, Field: "password"})
		return
	}
	v.again(checked)
	if err := v.s.Commit(v.r.Context()); err != nil { // better now than when the password is another one
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	a, err := v.accounts.setPassword(v.r.Context(), checked, password)
	if err != nil {
		v.showWrongPassword(err)
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
		v.log.WarnContext(v.r.Context(), "demo: other sessions not ended yet", "session", v.s.ID(), "error", err)
	}
}
