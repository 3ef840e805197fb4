package session

import "testing"

// TestWhoseTicketsWereWithheldHasNone has each of the reasons be there why the visitor may have one.
func TestWhoseTicketsWereWithheldHasNone(t *testing.T) {
	t.Parallel()
	var w withheld
	lost, other := ticketHash{1}, ticketHash{2}
	w.add(lost)
	for what, e := range map[string]entry{
		"": {hash: lost}, "another": {hash: other}, "seen": {hash: lost, seen: 1}, "shared": {hash: lost, shared: true},
		"from before": {hash: lost, before: true},
	} {
		st := state{tickets: []entry{{hash: lost}, e}}
		if got := st.withheld(&w); got != (what == "") {
			t.Errorf("%q: has no ticket %t", what, got)
		}
	}
}
