package simulate_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// A trace tells what happened, with short names for what is random.
type trace struct {
	start   time.Time
	on      bool // else only the names are kept
	lines   []string
	records names
	tickets names
	ids     names // of sessions
}

// names numbers strings in the order in which they turn up.
type names map[string]int

func (n names) number(s string) int {
	i, ok := n[s]
	if !ok {
		i = len(n) + 1
		n[s] = i
	}
	return i
}

func (t *trace) recordNo(id string) int     { return t.records.number(id) }
func (t *trace) ticket(value string) string { return fmt.Sprintf("T%d", t.tickets.number(value)) }
func (t *trace) session(id string) string   { return fmt.Sprintf("S%d", t.ids.number(id)) }

func (t *trace) record(id string) string {
	if len(id) < 43 { // a subject, or nothing
		return id
	}
	return fmt.Sprintf("r%d", t.recordNo(id))
}

func (t *trace) eventf(who, format string, args ...any) {
	if !t.on {
		return
	}
	line := fmt.Sprintf("%11s  %-16s %s", time.Since(t.start).String(), who, fmt.Sprintf(format, args...))
	for id, n := range t.ids {
		if id == "" {
			continue
		}
		line = strings.ReplaceAll(line, id, fmt.Sprintf("S%d", n))
	}
	t.lines = append(t.lines, line)
}

// drain takes over what was logged by a task.
func (t *trace) drain(k *task) {
	for _, n := range k.notes {
		t.eventf(k.name, "    log: %s", n)
	}
	k.notes = nil
}

// A taskLog is a logger that notes what is logged with the task.
type taskLog struct{ attrs []slog.Attr }

func (taskLog) Enabled(context.Context, slog.Level) bool   { return true }
func (l taskLog) WithAttrs(attrs []slog.Attr) slog.Handler { return taskLog{append(l.attrs, attrs...)} }
func (l taskLog) WithGroup(string) slog.Handler            { return l }

func (l taskLog) Handle(ctx context.Context, r slog.Record) error {
	t, ok := ctx.Value(taskKey{}).(*task)
	if !ok || !t.w.trace.on {
		return nil
	}
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	t.notef("%s", text)
	return nil
}

func (t *trace) seen(s seen) string {
	text := t.session(s.id)
	if s.subject != "" {
		text += " of " + s.subject
	}
	if s.level {
		text += ", stepped up"
	}
	return fmt.Sprintf("%s %v", text, s.values)
}
