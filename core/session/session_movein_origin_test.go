package session

import (
	"fmt"
	"testing"
)

// TestWhatNamesAnOldSessionIsToldApart has the parts of a name say the same when they are put
// together.
func TestWhatNamesAnOldSessionIsToldApart(t *testing.T) {
	t.Parallel()
	keys := map[[32]byte]string{}
	for _, purpose := range []string{"cookie a", "cookie ab"} {
		for _, parts := range [][2]string{
			{"name", "ann"}, {"name", "bob"}, {"ename", "an"}, {"nname", "an"}, {"annname", ""}, {"bname", "ann"},
		} {
			key := (&Manager{purpose: purpose}).originKey(parts[0], parts[1])
			what := fmt.Sprintf("%q %q", purpose, parts)
			if was, ok := keys[key]; ok {
				t.Errorf("%s is taken for %s", what, was)
			}
			keys[key] = what
		}
	}
}

// TestOldSessionsThatHaveGoneIntoOneAreToldApart has more of them than are remembered, and one of
// them come again.
func TestOldSessionsThatHaveGoneIntoOneAreToldApart(t *testing.T) {
	t.Parallel()
	var all origins
	id := func(n byte) string { return originID([32]byte{n}) }
	for n := range byte(maxOrigins + 1) {
		all = all.with(id(n)).with(id(n)).with("")
	}
	for n := byte(1); n <= maxOrigins; n++ {
		var first string
		if first, all = all.first(); first != id(n) {
			t.Errorf("%d is not there", n)
		}
	}
	if first, rest := all.first(); first != "" || rest != "" {
		t.Errorf("then there are %q and %q", first, rest)
	}
}

// TestATicketDerivesFromAllThatMakesItOneOfAKind checks what a ticket derives from, one by one.
func TestATicketDerivesFromAllThatMakesItOneOfAKind(t *testing.T) {
	t.Parallel()
	of := func(key byte, id byte, number uint64, seed byte) token {
		return (&origin{key: [32]byte{key}}).token(publicID{id}, number, [seedLen]byte{seed})
	}
	all := map[token]bool{}
	for _, token := range []token{of(0, 0, 1, 0), of(1, 0, 1, 0), of(0, 1, 1, 0), of(0, 0, 2, 0), of(0, 0, 1, 1)} {
		all[token] = true
	}
	if len(all) != 5 {
		t.Errorf("of five tickets %d differ", len(all))
	}
	a, b, c := of(0, 0, 1, 0), of(0, 1, 2, 3), of(1, 0, 1, 0)
	if a.id() != b.id() || a.id() == c.id() {
		t.Error("tickets lead to the same session if they derive from the same old one, and only then")
	}
}
