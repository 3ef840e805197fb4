package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func runCopy(ctx context.Context, x *call) error {
	switch {
	case x.args[0] == "" || x.args[1] == "": // which is not CLOAKROOM_STORE
		return usageError{errors.New("FROM or TO is empty")}
	case x.args[0] == x.args[1]:
		return usageError{errors.New("FROM and TO are the same")}
	}
	x.store = x.args[0]
	from, err := x.opened(ctx, false)
	if err != nil {
		return err
	}
	x.store = x.args[1]
	to, err := x.opened(ctx, false)
	if err != nil {
		return errors.Join(err, from.Hide(from.Close()))
	}
	c := &copier{from: from, to: to, mirror: x.mirror, timeout: x.timeout}
	if c.admin, err = x.admin(from); err != nil {
		return errors.Join(err, from.Close(), to.Close())
	}
	stop := x.progress(c.progress)
	err = c.run(ctx)
	stop()
	err = x.report(ctx, c, err)
	return errors.Join(err, from.Hide(from.Close()), to.Hide(to.Close()))
}

// A copier copies records as they are: a record is the same in every store. It says who
// holds which ticket, and so every visitor's cookie goes on being good.
type copier struct {
	from, to *storeurl.Opened
	admin    *session.Admin // of FROM
	mirror   bool
	timeout  time.Duration

	copied, updated, there, different, ended, expired, tooLarge, damaged atomic.Int64
}

// workers is how many records are on their way at once: more than one hides the time
// that a server takes, and few of them leave it room for visitors.
const workers = 8

func (c *copier) run(ctx context.Context) error {
	if c.mirror {
		// What has ended at FROM would go on at TO.
		if _, ok := sessionstore.As[sessionstore.Scanner](c.to.Store); !ok {
			return c.to.Hide(fmt.Errorf("%w: -mirror has to know what is there", sessionstore.ErrUnsupported))
		}
	}
	met := int64(0)
	err := spread(ctx, c.copyOne, func(work func(sessionstore.Entry) bool) error {
		for e, err := range sessionstore.Scan(ctx, c.from.Store) {
			switch {
			case errors.Is(err, sessionstore.ErrCorrupt):
				c.damaged.Add(1)
			case err != nil:
				return c.from.Hide(err)
			case !work(e):
				return nil
			}
			met++
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case met == 0 && c.mirror:
		return c.from.Hide(fmt.Errorf("%w TO was left as it is; cloakroom end -all ends what it has", errEmpty))
	case met == 0:
		return c.from.Hide(errEmpty)
	case !c.mirror:
		return nil
	}
	return c.endRest(ctx)
}

// endRest ends at TO what has ended at FROM.
func (c *copier) endRest(ctx context.Context) error {
	return spread(ctx, c.endOne, func(work func(sessionstore.Entry) bool) error {
		for e, err := range sessionstore.Scan(ctx, c.to.Store) {
			if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
				return c.to.Hide(err)
			}
			if sessionstore.CheckID(e.ID) == nil && !work(e) { // else it is in a table, and no session's
				return nil
			}
		}
		return nil
	})
}

// spread hands what feed finds to several workers, and returns the first error. Work
// that was begun comes to its end.
func spread(ctx context.Context, work func(context.Context, sessionstore.Entry) error,
	feed func(func(sessionstore.Entry) bool) error,
) error {
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	entries := make(chan sessionstore.Entry)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for e := range entries {
				if err := work(failed, e); err != nil {
					fail(err)
				}
			}
		})
	}
	err := feed(func(e sessionstore.Entry) bool {
		select {
		case entries <- e:
			return true
		case <-failed.Done():
			return false
		}
	})
	close(entries)
	all.Wait()
	if err == nil {
		err = context.Cause(failed)
	}
	return err
}

// copyOne brings one record to TO.
func (c *copier) copyOne(ctx context.Context, e sessionstore.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := c.put(ctx, e)
	switch {
	case err == nil:
	case !e.Record.Live(): // by now
		c.expired.Add(1)
	case errors.Is(err, sessionstore.ErrTooLarge):
		c.tooLarge.Add(1)
	case errors.Is(err, sessionstore.ErrCorrupt): // at TO
		c.damaged.Add(1)
	default:
		return c.to.Hide(err)
	}
	return nil
}

func (c *copier) put(ctx context.Context, e sessionstore.Entry) error {
	at, err := c.to.Store.Load(ctx, e.ID)
	switch {
	case errors.Is(err, sessionstore.ErrNotFound):
		err := c.to.Store.Create(ctx, e.ID, e.Record)
		switch {
		case errors.Is(err, sessionstore.ErrExists): // another copy was faster
			c.different.Add(1)
			return nil
		case err == nil:
			c.copied.Add(1)
		}
		return err
	case err != nil:
		return err
	case at.Version == e.Record.Version:
		return c.extend(ctx, e, at)
	}
	return c.update(ctx, e, at)
}

// update replaces a record at TO if nothing is lost by it: if what is there comes from
// one of the last writes at FROM, or if the visitor has signed out at FROM. What that
// leaves is a tombstone.
func (c *copier) update(ctx context.Context, e sessionstore.Entry, at sessionstore.Record) error {
	n := &c.updated
	switch i, err := c.admin.Describe(e); {
	case errors.Is(err, session.ErrNotFound):
		n = &c.ended
	case err == nil && i.HadVersion(at.Version), c.mirror:
	default:
		c.different.Add(1)
		return nil
	}
	err := c.to.Store.Update(ctx, e.ID, at.Version, e.Record)
	switch {
	case errors.Is(err, sessionstore.ErrConflict), errors.Is(err, sessionstore.ErrNotFound): // the application was faster
		c.different.Add(1)
		return nil
	case err == nil:
		n.Add(1)
	}
	return err
}

// extend moves the expiry of a session that was only read since it was copied. Stores
// round by less than a second.
func (c *copier) extend(ctx context.Context, e sessionstore.Entry, at sessionstore.Record) error {
	later := e.Record.Expires.Sub(at.Expires)
	if later < time.Second && (!c.mirror || later > -time.Second) {
		c.there.Add(1)
		return nil
	}
	err := sessionstore.Touch(ctx, c.to.Store, e.ID, at.Version, e.Record.Expires)
	switch {
	case errors.Is(err, sessionstore.ErrConflict), errors.Is(err, sessionstore.ErrNotFound): // the application was faster
		c.different.Add(1)
		return nil
	case err == nil:
		c.updated.Add(1)
	}
	return err
}

// endOne ends a session at TO that has ended at FROM.
func (c *copier) endOne(ctx context.Context, e sessionstore.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	_, err := c.from.Store.Load(ctx, e.ID)
	switch {
	case err == nil, errors.Is(err, sessionstore.ErrCorrupt):
		return nil
	case !errors.Is(err, sessionstore.ErrNotFound):
		return c.from.Hide(err)
	}
	if err := c.to.Store.Delete(ctx, e.ID); err != nil {
		return c.to.Hide(err)
	}
	c.ended.Add(1)
	return nil
}

func (c *copier) progress() string {
	return fmt.Sprintf("%d copied, %d updated, %d there already", c.copied.Load(), c.updated.Load(), c.there.Load()+c.different.Load())
}

// counts returns the results by name, with what they mean.
func (c *copier) counts() []count {
	return []count{
		{"copied", c.copied.Load(), ""},
		{"updated", c.updated.Load(), "there already, but older"},
		{"there", c.there.Load(), "there already"},
		{"different", c.different.Load(), "there already, and not known to be older: left alone"},
		{"ended", c.ended.Load(), "as at FROM"},
		{"expired", c.expired.Load(), "while they were copied"},
		{"tooLarge", c.tooLarge.Load(), "for TO: left out"},
		{"damaged", c.damaged.Load(), "left out"},
	}
}

type count struct {
	name  string
	n     int64
	about string
}

// report prints the counts, also of a copy that did not come to its end.
func (x *call) report(ctx context.Context, c *copier, err error) error {
	all := make(map[string]int64)
	t := newTable(x.stdout)
	for _, r := range c.counts() {
		all[r.name] = r.n
		if r.n > 0 || r.name == "copied" {
			t.row(r.name, strconv.FormatInt(r.n, 10), r.about)
		}
	}
	var printed error
	if x.json {
		printed = printJSON(x.stdout, all)
	} else {
		printed = t.done()
	}
	switch {
	case ctx.Err() != nil:
		return interrupted{"run it again, and it goes on"}
	case errors.Is(err, errEmpty), errors.Is(err, sessionstore.ErrUnsupported):
		return err
	case err != nil:
		return fmt.Errorf("not copied to the end, run it again and it goes on: %w", err)
	case c.damaged.Load()+c.tooLarge.Load() > 0:
		return errors.Join(errLeftOut, printed)
	}
	return printed
}

var errLeftOut = errors.New("some sessions were left out")
