package torture

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A fault is something that happens to the applications or their server.
type fault struct {
	kind  string
	loses bool // the backend may lose what it has acknowledged
	begin func() error
	end   func() error // nil if it is over at once
}

// calmEvery is how often everything is left alone until it must have recovered.
const calmEvery = 20 * time.Second

// disturb makes one fault after another. Between them, lines are rough.
func (r *run) disturb() {
	r.rough.Store(true)
	broken := true // unless it is said otherwise: what makes a fault may end the goroutine
	defer func() { r.broken.Store(broken); r.rough.Store(false) }()
	calmed := time.Now()
	for n := 0; ; n++ {
		if !r.sleep(rand.N(r.between)) {
			broken = false
			return
		}
		f := r.occur[n%len(r.occur)]
		if err := r.make(f); err != nil {
			r.tb.Errorf("%s: %v", f.kind, err)
			return
		}
		if time.Since(calmed) > calmEvery {
			r.rough.Store(false)
			if !r.sleep(recovery + time.Second) {
				broken = false
				return
			}
			r.rough.Store(true)
			calmed = time.Now()
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
	m := r.begins(mishap{kind: f.kind, app: everyone, fails: true, delays: true})
	defer r.ends(m)
	if f.loses {
		r.mayLose(f.kind)
		r.losses.Add(1)
		defer r.losses.Add(1)
	}
	if err := f.begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if f.end == nil {
		return nil
	}
	<-time.After(time.Duration(100+rand.IntN(400)) * time.Millisecond)
	return f.end()
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
