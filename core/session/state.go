package session

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// state is what a session consists of: what is encoded into Record.Data, and
// the subject, which stands beside it in the record.
type state struct {
	publicID      [publicIDLen]byte
	seed          [seedLen]byte // what Session.Secret derives from; zero: none
	created       time.Time
	issued        time.Time // when the token was made; zero: with the session
	authenticated time.Time // zero: never
	subject       string
	external      string        // an identity provider's name for the session
	authHash      []byte        // of what has to stay the same while the session lives
	binding       []byte        // the browser and network that it began in
	steps         []step        // step-up levels, by name
	deadline      time.Time     // ends it before AbsoluteTimeout; zero: not
	idle          time.Duration // in the place of IdleTimeout; 0: not
	persistence   persistence   // in the place of Cookie.Persistent
	ended         bool          // a tombstone: the session is over, or goes on under another id
	successor     []byte        // of a tombstone: the sealed token under which it goes on
	graceUntil    time.Time     // of a tombstone: how long the successor may be followed
	flashes       []Flash
	values        []value // by name
	unknown       []byte  // fields that a newer version of this package wrote

	// What the commit has to know of the changes; not encoded.
	kept   bool // store it though it holds nothing
	resend bool // the cookie's attributes have changed
	point  bool // the external id has to be found again
}

// A value is one encoded value of a session. Its data is never changed.
type value struct {
	name string
	data []byte
}

// A step is a level that the visitor has stepped up to until some time.
type step struct {
	level string
	until time.Time
}

type persistence byte

const (
	persistDefault persistence = iota
	persistYes
	persistNo
)

const (
	publicIDLen = 12
	seedLen     = 32
)

func newState(now time.Time) state {
	st := state{created: now}
	var random [publicIDLen + seedLen]byte
	_, _ = rand.Read(random[:])
	copy(st.publicID[:], random[:])
	copy(st.seed[:], random[publicIDLen:])
	return st
}

// stored returns what is known of the record under id that keeps st.
func (st *state) stored(id string, version sessionstore.Version, expires time.Time) *stored {
	return &stored{id, version, expires, st.publicID, st.subject, st.authenticated}
}

func (st *state) idText() string { return idText(st.publicID) }

func idText(publicID [publicIDLen]byte) string {
	return base64.RawURLEncoding.EncodeToString(publicID[:])
}

func (st *state) empty() bool {
	return len(st.values)+len(st.flashes) == 0 && st.subject == "" && !st.kept
}

func (st *state) find(name string) (int, bool) {
	return slices.BinarySearchFunc(st.values, name, func(v value, name string) int { return strings.Compare(v.name, name) })
}

func (st *state) get(name string) ([]byte, bool) {
	i, ok := st.find(name)
	if !ok {
		return nil, false
	}
	return st.values[i].data, true
}

func (st *state) set(name string, data []byte) {
	i, ok := st.find(name)
	if ok {
		st.values[i].data = data
		return
	}
	st.values = slices.Insert(st.values, i, value{name, data})
}

func (st *state) remove(name string) {
	if i, ok := st.find(name); ok {
		st.values = slices.Delete(st.values, i, i+1)
	}
}

// clone returns a state whose lists are its own.
func (st *state) clone() state {
	c := *st
	c.values = slices.Clone(st.values)
	c.steps = slices.Clone(st.steps)
	c.flashes = slices.Clone(st.flashes)
	return c
}
