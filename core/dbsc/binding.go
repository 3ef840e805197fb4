package dbsc

import (
	"crypto/rand"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A binding is a key that a browser has registered for one login of a session.
type binding struct {
	Login string `json:"login"` // see login.tag
	Alg   string `json:"alg"`
	Key   []byte `json:"key"`   // the public key (PKIX, DER)
	Last  string `json:"last"`  // names the last proof: a challenge is about it, and good for one
	Seen  bool   `json:"seen"`  // the browser has proved that it knows of it: the login is bound
	At    int64  `json:"at"`    // when the login was, in nanoseconds since 1970
	Offer int64  `json:"offer"` // until when the offer was good that it has come from, likewise
}

// bindings are the session's: the record lists them in the order in which they were
// registered. Other tickets of the session may belong to an earlier login.
var bindings = session.NewKey[[]binding]("cloakroom.dbsc")

// maxBindings is how many logins a record remembers: it lists no more tickets.
const maxBindings = 8

// newProof names a proof.
func newProof() string { return rand.Text() }

// find returns a login's binding.
func find(list []binding, tag string) *binding {
	for i := range list {
		if list[i].Login == tag {
			return &list[i]
		}
	}
	return nil
}

// binding returns l's, or nil.
func (l *login) binding() *binding { return find(bindings.Get(l.s), l.tag()) }

// register has the key stored for the login, unless the browser has proved that it knows
// of one, or this or a later offer was used for another. A browser goes on with the later
// one's: a registration that comes late, or twice, takes nothing back.
func (l *login) register(key binding) {
	bindings.Update(l.s, func(list []binding) []binding {
		old := find(list, key.Login)
		if old != nil && (old.Seen || key.Offer <= old.Offer) {
			return list
		}
		list = slices.DeleteFunc(list, func(b binding) bool { return b.Login == key.Login })
		return append(list[max(0, len(list)+1-maxBindings):], key)
	})
}

// prove notes that a proof was given for a challenge about another: of two with the same
// challenge, one is noted. The first one binds the login.
func (l *login) prove(about, proof string) {
	tag := l.tag()
	bindings.Update(l.s, func(list []binding) []binding {
		if b := find(list, tag); b != nil && b.Last == about {
			b.Last, b.Seen = proof, true
		}
		return list
	})
}

// IsBound reports whether a session that [session.Manager.List] has listed is bound to a
// device, by its latest login.
func IsBound(i session.Info) bool {
	list, _ := bindings.From(i)
	return slices.ContainsFunc(list, func(b binding) bool { return b.Seen && b.At == i.Started.UnixNano() })
}
