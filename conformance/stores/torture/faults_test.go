package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A fault is something that happens to the applications or their server.
type fault struct {
	kind  string
	loses bool // the backend may lose what it has acknowledged
	begin func() error
	end   func() error // nil if it is over at once
}

// disturb makes one fault after another, with pauses between them.
func (r *run) disturb(faults []fault) {
	for n := 0; len(faults) > 0; n++ {
		if !r.sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond) {
			return
		}
		if err := r.make(faults[n%len(faults)]); err != nil {
			r.tb.Errorf("%s: %v", faults[n%len(faults)].kind, err)
			return
		}
	}
}

// sleep reports whether there is still time after it.
func (r *run) sleep(d time.Duration) bool {
	<-time.After(min(d, time.Until(r.deadline)))
	return !r.over()
}

// make lets a fault happen once.
func (r *run) make(f fault) error {
	r.mu.Lock()
	t := r.faults[f.kind]
	if t == nil {
		t = &tally{loses: f.loses}
		r.faults[f.kind] = t
	}
	t.occasions++
	o := &occasion{kind: f.kind, began: time.Now()}
	r.mu.Unlock()
	r.fault.Store(o)
	if f.loses {
		r.losses.Add(1)
		defer r.losses.Add(1)
	}
	err := f.begin()
	if err == nil && f.end != nil {
		<-time.After(time.Duration(100+rand.IntN(600)) * time.Millisecond)
		err = f.end()
	}
	r.mu.Lock()
	o.ended = time.Now()
	r.mu.Unlock()
	return err
}

// A cable is the way to a server, which can be disturbed.
type cable struct {
	proxy *toxiproxy.Proxy
	addr  string
}

func newCable(tb testing.TB, upstream string) *cable {
	tb.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, "server", "127.0.0.1:0", upstream)
	if err := proxy.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(proxy.Stop)
	return &cable{proxy: proxy, addr: proxy.Listen}
}

// toxic is a fault that the proxy makes.
func (c *cable) toxic(kind, stream, attributes string) fault {
	return fault{
		kind: strings.TrimSpace(kind + " " + stream),
		begin: func() error {
			_, err := c.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
				`{"name": "fault", "type": %q, "stream": %q, "attributes": {%s}}`, kind, stream, attributes)))
			return err
		},
		end: func() error {
			return c.proxy.Toxics.RemoveToxic(context.Background(), "fault")
		},
	}
}

// faults are those that any server meets on its network.
func (c *cable) faults() []fault {
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
			begin: func() error { c.proxy.Stop(); return nil },
			end:   func() error { return c.proxy.Start() },
		},
	}
}

// killed ends an application as a crash does, and starts it again.
func (r *run) killed() fault {
	n := 0
	return fault{kind: "application killed", begin: func() error {
		n++
		r.apps[n%len(r.apps)].kill(r.tb)
		return nil
	}}
}
