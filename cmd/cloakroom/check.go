package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A health is the result of check.
type health struct {
	Store  string    `json:"store"`
	OK     bool      `json:"ok"`
	Millis float64   `json:"ms"`               // for all calls of the probe
	Clocks []float64 `json:"clocks,omitempty"` // of the servers, ahead of this machine's, in seconds
	Error  string    `json:"error,omitempty"`
}

// runCheck fails if the store can't be used now. A server's clock counts where a store
// goes by it, and tells of a machine that is wrong in any case.
func runCheck(ctx context.Context, x *call) error {
	if x.skew <= 0 {
		return usageError{errors.New("-skew is not positive")}
	}
	return x.with(ctx, func(s *storeurl.Opened) error {
		ctx, cancel := context.WithTimeout(ctx, x.timeout)
		defer cancel()
		h := health{Store: s.Where}
		begin := time.Now()
		err := sessionstore.Probe(ctx, s.Store)
		h.Millis = millis(time.Since(begin))
		if err == nil && s.Clocks != nil {
			err = h.compare(ctx, s, x.skew)
		}
		h.OK = err == nil
		if err != nil {
			h.Error = s.Hide(err).Error()
		}
		if x.json {
			return errors.Join(err, printJSON(x.stdout, h))
		}
		if err != nil {
			return err
		}
		t := newTable(x.stdout)
		t.row("store", plain(h.Store))
		t.row("read, written, compared", fmt.Sprintf("yes, in %.1f ms", h.Millis))
		if len(h.Clocks) > 0 {
			t.row("clock ahead of this one", h.clocks())
		}
		return t.done()
	})
}

func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// compare notes how far the servers' clocks are ahead of this machine's. What an answer
// may have been on its way is no difference.
func (h *health) compare(ctx context.Context, s *storeurl.Opened, most time.Duration) error {
	begin := time.Now().Round(0)
	all, err := s.Clocks(ctx)
	took := time.Since(begin)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	for _, now := range all {
		ahead := now.Sub(begin.Add(took / 2)).Round(time.Millisecond)
		h.Clocks = append(h.Clocks, ahead.Seconds())
		if ahead.Abs() > most+took/2 {
			err = fmt.Errorf("clocks are apart: the server's is %v ahead of this one", ahead)
		}
	}
	return err
}

func (h *health) clocks() string {
	texts := make([]string, len(h.Clocks))
	for i, c := range h.Clocks {
		texts[i] = fmt.Sprintf("%.3f s", c)
	}
	return strings.Join(texts, ", ")
}
