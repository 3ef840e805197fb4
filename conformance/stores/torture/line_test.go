package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
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
		for direction, what := range map[string]string{"upstream": "request", "downstream": "answer"} {
			added := c.add(tb, proxy, fmt.Sprintf(`{"name": "rough %s", "type": "rough", "stream": %q}`, what, direction))
			r, ok := added.Toxic.(*rough)
			if !ok {
				tb.Fatalf("the toxic is a %T", added.Toxic)
			}
			r.ledger, r.app, r.what, r.how = l, app, what, how
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
	ledger *ledger
	app    int
	what   string // request or answer
	how    string // a line is cut
}

// rarely is how many pieces pass on the average until one meets a fault.
const rarely = 12

// Pipe lets pieces pass until the line is cut, or another toxic is added or removed.
func (r *rough) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			goesOn := c != nil
			switch {
			case !goesOn:
			case !r.ledger.rough.Load() || rand.IntN(rarely) > 0:
				goesOn = pass(stub, c.Data)
			case rand.IntN(2) == 0:
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
	r.ledger.begins(mishap{kind: r.what + how + r.how, app: r.app, fails: true, ended: time.Now()})
	if n > 0 {
		pass(stub, data[:n])
	}
}

// hold lets a piece pass too late, or in pieces of its own.
func (r *rough) hold(stub *toxics.ToxicStub, data []byte) (goesOn, interrupted bool) {
	slices, how := 1, " held back"
	if rand.IntN(2) == 0 {
		slices, how = min(8, len(data)), " in slices"
	}
	all := late + time.Duration(50+rand.IntN(150))*time.Millisecond
	r.ledger.begins(mishap{kind: r.what + how, app: r.app, delays: true, ended: time.Now().Add(all)})
	pause := all / time.Duration(slices)
	for i := range slices {
		select {
		case <-stub.Interrupt:
			interrupted = true
		case <-time.After(pause):
		}
		if interrupted { // the rest at once
			return pass(stub, data[len(data)*i/slices:]), true
		}
		if !pass(stub, data[len(data)*i/slices:len(data)*(i+1)/slices]) {
			return false, false
		}
	}
	return true, false
}

// pass hands on what was sent, and reports whether there is still somebody to take it.
func pass(stub *toxics.ToxicStub, data []byte) bool {
	return stub.WriteOutput(&stream.StreamChunk{Data: data, Timestamp: time.Now()}, 10*time.Second) == nil
}
