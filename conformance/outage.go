package conformance

import (
	"errors"
	"regexp"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func outageCases() []testCase {
	return []testCase{
		{
			name: "is no answer",
			rule: "A backend that can't answer gives no sentinel: it is neither absence nor damage nor success.",
			run:  outageNoAnswer,
		},
		{
			name: "wraps the driver's error",
			rule: "Every other failure wraps the driver's error with %w.",
			run:  outageWraps,
		},
		{
			name: "names the package",
			rule: "Every other failure starts with the name of the store's package and a colon.",
			run:  outageNamed,
		},
		{
			name:  "ends a scan",
			rule:  "An error that is not about one record ends an iteration of Scan: it is the last that is yielded.",
			needs: Scanner,
			run:   outageEndsScan,
		},
	}
}

// eachOutage calls every method of a store whose backend is out of reach.
func eachOutage(t *tester, check func(name string, got, driver error)) {
	t.Helper()
	t.needsHook(t.Outage != nil, "Outage")
	store, driver := t.Outage(t)
	for _, m := range t.usable() {
		check(m.name, m.call(t.Context(), store, t.newID(), t.record()), driver)
	}
}

func outageNoAnswer(t *tester) {
	eachOutage(t, func(name string, got, _ error) {
		if got == nil {
			t.Errorf("%s reports success", name)
		}
		for _, sentinel := range sentinels() {
			if errors.Is(got, sentinel) {
				t.Errorf("%s reports %q: %v", name, sentinel, got)
			}
		}
	})
}

func outageWraps(t *tester) {
	eachOutage(t, func(name string, got, driver error) {
		if got != nil && !errors.Is(got, driver) {
			t.Errorf("%s returns %v, in which errors.Is does not find %v", name, got, driver)
		}
	})
}

func outageNamed(t *tester) {
	prefix := regexp.MustCompile(`^[a-z][a-z0-9]*: .`)
	eachOutage(t, func(name string, got, driver error) {
		if got != nil && (!prefix.MatchString(got.Error()) || got.Error() == driver.Error()) {
			t.Errorf("%s returns %q, want a package's name, a colon and the driver's error", name, got)
		}
	})
}

func outageEndsScan(t *tester) {
	t.needsHook(t.Outage != nil, "Outage")
	store, _ := t.Outage(t)
	yields := 0
	sessionstore.Scan(t.Context(), store)(func(sessionstore.Entry, error) bool {
		yields++
		return yields < 3
	})
	if yields != 1 {
		t.Errorf("Scan yields %d times, want once: its error", yields)
	}
}
