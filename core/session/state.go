package session

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// state is what a session consists of: what is encoded into Record.Data, and
// the subject, which stands beside it in the record.
type state struct {
	id       publicID
	subject  string
	actor    string   // who acts in it, if not its subject
	home     recordID // the record of the actor's own session
	replaces string   // the record of a session that ends when a ticket of this one is seen, or this one ends; "": none
	origins  origins  // the records of other systems' sessions that have gone into this one, to be closed when it ends
	tickets  []entry  // in the order in which they were offered
	count    uint64   // the last number that was given to an offer or a sight
	aged     time.Time
	untaken  uint64                          // tickets offered because of age, the last at aged, since one was seen
	place    time.Time                       // ranks the login among its subject's, see Options.MaxSessions; zero: by started
	writes   [maxWrites]sessionstore.Version // the last versions of the record, the latest first; 0: none
	authHash []byte                          // of what has to stay the same while the session lives
	binding  []byte                          // the browser and network that it began in
	ended    bool                            // a tombstone
	letIn    bool                            // the login stands, though others may be above the limit, see commit.letIn
	out      bool                            // of a session that nothing is to bring back: its visitor has signed out, for instance
	leases   []lease                         // who is making a value, see Key.Once
	flashes  []Flash
	values   []value // by name
	unknown  []byte  // fields that a newer version of this package wrote
}

// A view is a session as one request sees it: the state that all requests share,
// the rights of the request's own ticket, and what the commit has to know of the
// changes. Only state is encoded.
type view struct {
	state
	rights

	kept     bool      // store it though it holds nothing
	replaced bool      // somebody else has signed in: the session before ends
	limits   bool      // all tickets are to get the lifetime with the next write
	idle     int32     // so many changes had nothing to do
	asked    *lifetime // what this request has set of it, and may have committed: what a login begins with; nil: nothing
}

// A value is one encoded value of a session. Its parts are never changed: those of a
// stored value belong to the record's data.
type value struct{ name, data []byte }

// compare orders values by name. These conversions copy nothing.
func (v value) compare(name string) int {
	switch {
	case string(v.name) < name:
		return -1
	case string(v.name) > name:
		return 1
	default:
		return 0
	}
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
	seedLen     = 16

	// maxWrites is how many writes a record remembers. Behind as many others, one whose
	// answer was lost fails for good.
	maxWrites = 8
)

// newView returns an empty session that begins now.
func newView(now time.Time) view {
	var v view
	var random [publicIDLen + seedLen]byte
	_, _ = rand.Read(random[:])
	copy(v.id[:], random[:])
	copy(v.seed[:], random[publicIDLen:])
	v.started = now
	return v
}

// A publicID names a session to people. It gives no access.
type publicID [publicIDLen]byte

// text returns the id in base64url, or "" if there is none.
func (id *publicID) text() string {
	if *id == (publicID{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func (st *state) idText() string { return st.id.text() }

func (s *stored) idText() string { return s.publicID.text() }

func (v *view) empty() bool {
	return len(v.values)+len(v.flashes) == 0 && v.subject == "" && !v.kept
}

// noteWrite remembers one more write.
func (st *state) noteWrite(version sessionstore.Version) {
	copy(st.writes[1:], st.writes[:])
	st.writes[0] = version
}

// wrote reports whether version is one of the last writes.
func (st *state) wrote(version sessionstore.Version) bool {
	return slices.Contains(st.writes[:], version)
}

// tells reports whether the writes since version are all known, if it was ever there.
func (st *state) tells(version sessionstore.Version) bool {
	return st.writes[maxWrites-1] == 0 || st.wrote(version)
}

func (st *state) find(name string) (int, bool) {
	return slices.BinarySearchFunc(st.values, name, value.compare)
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
	st.values = slices.Insert(st.values, i, value{[]byte(name), data})
}

func (st *state) remove(name string) {
	if i, ok := st.find(name); ok {
		st.values = slices.Delete(st.values, i, i+1)
	}
}

// clone returns a view in which changes can be made without v's noticing. Tickets and
// steps are never changed in place, except by who writes the record, on a copy.
func (v *view) clone() view {
	c := *v
	c.leases = slices.Clone(v.leases)
	c.values = slices.Clone(v.values)
	c.flashes = slices.Clone(v.flashes)
	return c
}
