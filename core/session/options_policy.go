package session

import (
	"fmt"
	"strings"
	"time"
)

// Policy describes, a line for each point, how sessions of this Manager live and
// end, for the documentation that ASVS 7.1.1 and 7.1.2 ask for. It holds no
// secret.
func (m *Manager) Policy() string {
	o := &m.opts
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-18s", name+":")
		fmt.Fprintf(&b, format+"\n", args...)
	}
	switch {
	case o.Header == headerAuthorization:
		line("ticket", "Authorization header field, Bearer scheme")
	case o.Header != "":
		line("ticket", "%s header field", o.Header)
	default:
		line("ticket", "cookie %s", strings.Replace(o.Cookie.build().String(), "=;", ";", 1))
		lasts := "until the browser is closed"
		if o.Cookie.Persistent {
			lasts = "as long as the session"
		}
		line("cookie lasts", "%s", lasts)
	}
	line("data", "%s", m.whereData())
	line("idle timeout", "%s", timeoutText(o.IdleTimeout))
	line("absolute timeout", "%s", timeoutText(o.AbsoluteTimeout))
	switch {
	case m.store == nil:
		line("new ticket", "with every change, old ones are good until they expire")
	case o.RenewEvery > 0:
		line("new ticket", "on authentication, and every %v", o.RenewEvery)
	default:
		line("new ticket", "on authentication")
	}
	if m.store != nil {
		line("old ticket", "good for nothing after a first login, else for %v after the new one was used", o.RenewGrace)
	}
	switch {
	case o.MaxSessions == 0:
		line("sessions", "any number for each subject")
	case o.RefuseNew:
		line("sessions", "at most %d for each subject, one more is refused", o.MaxSessions)
	default:
		line("sessions", "at most %d for each subject, one more ends the oldest", o.MaxSessions)
	}
	line("bound to", "%s", o.Binding.policy())
	return b.String()
}

func (m *Manager) whereData() string {
	switch {
	case m.store != nil && m.opts.Sealer != nil:
		return "on the server, sealed"
	case m.store != nil:
		return "on the server"
	case m.opts.Readable:
		return "in the cookie, signed, readable by the visitor; can't be revoked"
	default:
		return "in the cookie, sealed; can't be revoked"
	}
}

func timeoutText(d time.Duration) string {
	if d == NoTimeout {
		return "none"
	}
	return d.String()
}
