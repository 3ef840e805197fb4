package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
)

// A cable is the way to a server, which can be disturbed: a line for each application.
type cable []*toxiproxy.Proxy

// newCable lays lines to a server. Those of one application are closed, and those of the
// other reset.
func newCable(tb testing.TB, l *ledger, upstream string) cable {
	tb.Helper()
	toxics.Register("rough", new(rough))
	var c cable
	for app := range processes {
		server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
		proxy := toxiproxy.NewProxy(server, "server", "127.0.0.1:0", upstream)
		how := ""
		if app%2 == 1 {
			how = ", reset"
			// It lets all pass. A proxy that has one resets what it closes.
			c.add(tb, proxy, `{"name": "resets", "type": "reset_peer", "toxicity": 0}`)
		}
		both := new(talks)
		for direction, what := range map[string]string{"upstream": request, "downstream": reply} {
			added := c.add(tb, proxy, fmt.Sprintf(`{"name": "rough %s", "type": "rough", "stream": %q}`, what, direction))
			r, ok := added.Toxic.(*rough)
			if !ok {
				tb.Fatalf("the toxic is a %T", added.Toxic)
			}
			r.talks, r.ledger, r.app, r.what, r.how = both, l, app, what, how
		}
		if err := proxy.Start(); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(proxy.Stop)
		c = append(c, proxy)
	}
	return c
}

func (cable) add(tb testing.TB, proxy *toxiproxy.Proxy, toxic string) *toxics.ToxicWrapper {
	tb.Helper()
	added, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	if err != nil {
		tb.Fatal(err)
	}
	return added
}

// places returns where each application finds what is at a place.
func (c cable) places(p backends.Place) []backends.Place {
	var places []backends.Place
	for app := range processes {
		there := p
		there.Once = app%2 == 1
		if c != nil {
			there.Address = hostPort.ReplaceAllLiteralString(p.Address, c[app].Listen)
		}
		places = append(places, there)
	}
	return places
}

// each does something with every line.
func (c cable) each(do func(line *toxiproxy.Proxy) error) func() error {
	return func() error {
		for _, line := range c {
			if err := do(line); err != nil {
				return err
			}
		}
		return nil
	}
}

// toxic is a fault that the proxies make.
func (c cable) toxic(kind, direction, attributes string) fault {
	return fault{
		kind: strings.TrimSpace(kind + " " + direction),
		begin: c.each(func(line *toxiproxy.Proxy) error {
			_, err := line.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
				`{"name": "fault", "type": %q, "stream": %q, "attributes": {%s}}`, kind, direction, attributes)))
			return err
		}),
		end: c.each(func(line *toxiproxy.Proxy) error {
			return line.Toxics.RemoveToxic(context.Background(), "fault")
		}),
	}
}

// faults are those that any server meets on its network.
func (c cable) faults() []fault {
	return []fault{
		c.toxic("reset_peer", "downstream", `"timeout": 0`),
		c.toxic("reset_peer", "upstream", `"timeout": 0`),
		c.toxic("timeout", "downstream", `"timeout": 0`), // half-open: what is written arrives, and nothing comes back
		c.toxic("timeout", "upstream", `"timeout": 0`),
		c.toxic("latency", "downstream", `"latency": 100, "jitter": 100`),
		c.toxic("slicer", "downstream", `"average_size": 8, "size_variation": 4, "delay": 1000`),
		c.toxic("limit_data", "downstream", `"bytes": 20`), // an answer is cut in its middle
		c.toxic("limit_data", "upstream", `"bytes": 60`),
		{
			kind:  "refused",
			begin: c.each(func(line *toxiproxy.Proxy) error { line.Stop(); return nil }),
			end:   c.each((*toxiproxy.Proxy).Start),
		},
	}
}

// rough is a toxic: of what passes, one piece in some is lost, cut or held back. A piece is
// a request or an answer, or the part of one that has arrived by then.
type rough struct {
	talks  *talks
	ledger *ledger
	app    int
	what   string // request or answer
	how    string // a line is cut
}

// These are not made. As many of them are observed as requests fail, or are late, by
// chance when a fault is made: because of another fault, or of a busy machine.
const (
	asIfCut  = "nothing, as if it were cut"
	asIfHeld = "nothing, as if it were held back"
)

const (
	request = "request"
	reply   = "answer"
)

// A talk is what the two directions of a connection share.
type talk struct {
	mu    sync.Mutex
	asked []byte // the end of what was sent to the server
}

// talks are those of one line, of which connections begin one after the other.
type talks struct{ newest *talk }

// NewState returns what is known of a connection: its requests begin before its answers.
func (r *rough) NewState() any {
	if r.what == request {
		r.talks.newest = new(talk)
	}
	return r.talks.newest
}

// note keeps the end of what was sent, which has what the call is about.
func (t *talk) note(data []byte) {
	const enough = 8 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = append(t.asked, data...)
	t.asked = t.asked[max(0, len(t.asked)-enough):]
}

// book books a fault of a connection.
func (r *rough) book(stub *toxics.ToxicStub, m mishap, d time.Duration) {
	if t, ok := stub.State.(*talk); ok {
		t.mu.Lock()
		m.asked = slices.Clone(t.asked)
		t.mu.Unlock()
	}
	m.app, m.ended = r.app, time.Now().Add(d)
	r.ledger.begins(m)
}

// Pipe lets pieces pass until the line is cut, or another toxic is added or removed.
func (r *rough) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			goesOn := c != nil
			if t, ok := stub.State.(*talk); ok && goesOn && r.what == request {
				t.note(c.Data)
			}
			switch {
			case !goesOn:
			case !r.ledger.rough.Load() || rand.IntN(r.ledger.oneIn) > 0:
				goesOn = pass(stub, c.Data)
			case rand.IntN(10) == 0:
				r.book(stub, mishap{kind: asIfCut, fails: true}, 0)
				goesOn = pass(stub, c.Data)
			case rand.IntN(9) == 0:
				r.book(stub, mishap{kind: asIfHeld, delays: true}, heldFor())
				goesOn = pass(stub, c.Data)
			case rand.IntN(10) < r.ledger.cuts:
				r.cut(stub, c.Data)
				goesOn = false
			default:
				var interrupted bool
				if goesOn, interrupted = r.hold(stub, c.Data); interrupted {
					return
				}
			}
			if !goesOn {
				stub.Close()
				for c != nil { // whoever sends goes on until they notice
					c = <-stub.Input
				}
				return
			}
		}
	}
}

// cut lets nothing of a piece pass, or its half, or all of it, and the line ends.
func (r *rough) cut(stub *toxics.ToxicStub, data []byte) {
	n, how := 0, " lost"
	switch rand.IntN(3) {
	case 0:
		n, how = len(data)/2, " cut in the middle"
	case 1:
		n, how = len(data), " cut behind"
	}
	r.book(stub, mishap{kind: r.what + how + r.how, fails: true, again: n < len(data)}, 0)
	if n > 0 {
		pass(stub, data[:n])
	}
}

// hold lets a piece pass too late, or in pieces of its own.
func (r *rough) hold(stub *toxics.ToxicStub, data []byte) (goesOn, interrupted bool) {
	n, how := 1, " held back"
	if rand.IntN(2) == 0 {
		n, how = min(8, len(data)), " in slices"
	}
	all := heldFor()
	r.book(stub, mishap{kind: r.what + how, delays: true}, all)
	pause := all / time.Duration(n)
	for i := range n {
		select {
		case <-stub.Interrupt:
			interrupted = true
		case <-time.After(pause):
		}
		if interrupted { // the rest at once
			return pass(stub, data[len(data)*i/n:]), true
		}
		if !pass(stub, data[len(data)*i/n:len(data)*(i+1)/n]) {
			return false, false
		}
	}
	return true, false
}

// heldFor is how long a piece is held back.
func heldFor() time.Duration { return late + 50*time.Millisecond + rand.N(150*time.Millisecond) }

// pass hands on what was sent, and reports whether there is still somebody to take it.
func pass(stub *toxics.ToxicStub, data []byte) bool {
	return stub.WriteOutput(&stream.StreamChunk{Data: data, Timestamp: time.Now()}, 10*time.Second) == nil
}
