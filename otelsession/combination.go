package otelsession

import "github.com/cloakroom-go/cloakroom/core/sessionstore"

// The combinations of capabilities. The methods of a type are fixed when it is
// compiled, so that only a type for each combination has neither one too many nor
// one too few, which is what a type assertion asks.
type (
	storeT struct {
		basic
		touch
	}
	storeP struct {
		basic
		prune
	}
	storeS struct {
		basic
		subjects
	}
	storeA struct {
		basic
		all
	}
	storeTP struct {
		basic
		touch
		prune
	}
	storeTS struct {
		basic
		touch
		subjects
	}
	storeTA struct {
		basic
		touch
		all
	}
	storePS struct {
		basic
		prune
		subjects
	}
	storePA struct {
		basic
		prune
		all
	}
	storeSA struct {
		basic
		subjects
		all
	}
	storeTPS struct {
		basic
		touch
		prune
		subjects
	}
	storeTPA struct {
		basic
		touch
		prune
		all
	}
	storeTSA struct {
		basic
		touch
		subjects
		all
	}
	storePSA struct {
		basic
		prune
		subjects
		all
	}
	storeTPSA struct {
		basic
		touch
		prune
		subjects
		all
	}
)

// withCapabilities returns a store that has the capabilities of s, and records.
func withCapabilities(s sessionstore.Store, rec *recorder) sessionstore.Store {
	const hasTouch, hasPrune, hasSubjects, hasAll = 1, 2, 4, 8
	var (
		has int
		ok  bool

		b = basic{rec, s}
		t = touch{rec: rec}
		p = prune{rec: rec}
		x = subjects{rec: rec}
		a = all{rec: rec}
	)
	if t.s, ok = s.(sessionstore.Toucher); ok {
		has |= hasTouch
	}
	if p.s, ok = s.(sessionstore.Pruner); ok {
		has |= hasPrune
	}
	if x.s, ok = s.(sessionstore.SubjectIndex); ok {
		has |= hasSubjects
	}
	if a.s, ok = s.(sessionstore.AllDeleter); ok {
		has |= hasAll
	}
	switch has {
	case hasTouch:
		return storeT{b, t}
	case hasPrune:
		return storeP{b, p}
	case hasSubjects:
		return storeS{b, x}
	case hasAll:
		return storeA{b, a}
	case hasTouch | hasPrune:
		return storeTP{b, t, p}
	case hasTouch | hasSubjects:
		return storeTS{b, t, x}
	case hasTouch | hasAll:
		return storeTA{b, t, a}
	case hasPrune | hasSubjects:
		return storePS{b, p, x}
	case hasPrune | hasAll:
		return storePA{b, p, a}
	case hasSubjects | hasAll:
		return storeSA{b, x, a}
	case hasTouch | hasPrune | hasSubjects:
		return storeTPS{b, t, p, x}
	case hasTouch | hasPrune | hasAll:
		return storeTPA{b, t, p, a}
	case hasTouch | hasSubjects | hasAll:
		return storeTSA{b, t, x, a}
	case hasPrune | hasSubjects | hasAll:
		return storePSA{b, p, x, a}
	case hasTouch | hasPrune | hasSubjects | hasAll:
		return storeTPSA{b, t, p, x, a}
	}
	return b
}
