package main

import (
	"errors"
	"net/http"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// deviceKey says in words where somebody has signed in.
var deviceKey = session.NewKey[string]("device")

// A device is one of the visitor's sessions.
type device struct {
	session.Info

	Name  string
	This  bool
	Bound bool // to the device: a copied cookie is worth nothing elsewhere
}

func (v *visit) showDevices() {
	list, err := v.sessions.List(v.r.Context(), v.who.ID)
	switch {
	case errors.Is(err, session.ErrUnsupported):
		// memcached and a cookie know no other session than the one at hand, and
		// half a list would be a lie.
		v.show(http.StatusNotImplemented, "devices", v.t("devices.title"), []device(nil))
		return
	case err != nil:
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	devices := make([]device, 0, len(list))
	for i := range list {
		name, _ := deviceKey.From(list[i])
		if name == "" {
			name = v.t("devices.unknown")
		}
		if a, ok := v.accounts.byID(list[i].Actor); ok {
			name = v.t("act.device", a.Name)
		}
		devices = append(devices, device{list[i], name, list[i].ID == v.s.ID(), dbsc.IsBound(list[i])})
	}
	v.show(http.StatusOK, "devices", v.t("devices.title"), devices)
}

// endDevice ends one of the visitor's own sessions: an id of somebody else's
// is not found.
func (v *visit) endDevice() {
	err := v.sessions.End(v.r.Context(), v.who.ID, v.r.PathValue("id"))
	switch {
	case errors.Is(err, session.ErrNotFound): // it has ended by itself
		v.s.Flash("error", v.t("devices.gone"))
	case err != nil:
		v.failEnding(err)
		return
	default:
		v.s.Flash("success", v.t("devices.ended"))
	}
	v.redirect("/devices")
}

func (v *visit) endOtherDevices() {
	n, err := v.s.EndOthers(v.r.Context())
	if err != nil {
		v.failEnding(err)
		return
	}
	v.s.Flash("success", v.t("devices.others-ended", n))
	v.redirect("/devices")
}

// failEnding answers when sessions could not be ended.
func (v *visit) failEnding(err error) {
	if errors.Is(err, session.ErrUnsupported) {
		v.fail(http.StatusNotImplemented, "devices.unsupported")
		return
	}
	v.sessions.Fail(v.w, v.r, err)
}

// deviceOf names the browser and the system that a User-Agent field claims, in
// words of ours: nothing of the field itself is kept or shown. What it can't tell
// is left out.
func deviceOf(userAgent string) string {
	name := func(words ...[2]string) string {
		for _, w := range words {
			if strings.Contains(userAgent, w[0]) {
				return w[1]
			}
		}
		return ""
	}
	// The order matters: most browsers claim to be others as well.
	browser := name([2]string{"Edg/", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"Firefox/", "Firefox"},
		[2]string{"Chrome/", "Chrome"}, [2]string{"Safari/", "Safari"}, [2]string{"curl/", "curl"})
	system := name([2]string{"Android", "Android"}, [2]string{"iPhone", "iPhone"}, [2]string{"iPad", "iPad"},
		[2]string{"Windows", "Windows"}, [2]string{"Mac OS X", "macOS"}, [2]string{"Linux", "Linux"})
	if browser == "" || system == "" {
		return browser + system
	}
	return browser + " · " + system
}
