package main

import (
	"context"
	"flag"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
)

// A command is one row of the table below.
type command struct {
	name     string
	args     string // as usage writes them
	least    int    // number of arguments
	most     int
	opens    bool // the store of -store
	waits    bool // for a store, and has a result
	summary  string
	about    string
	examples []string
	flags    func(*flag.FlagSet, *call)
	run      func(context.Context, *call) error
}

var commands = []command{
	{
		name: "count", opens: true, waits: true, run: runCount,
		summary:  "count the sessions",
		about:    "Goes through all records. Reads no values.",
		examples: []string{"cloakroom count", "cloakroom count -json -store redis://localhost:6379"},
	},
	{
		name: "list", args: "SUBJECT", least: 1, most: 1, opens: true, waits: true, flags: idleFlag, run: runList,
		summary:  "list the sessions of a subject",
		about:    "The one whose login was last comes first.",
		examples: []string{"cloakroom list account-1001", "cloakroom list -idle 30m -json account-1001"},
	},
	{
		name: "show", args: "ID", least: 1, most: 1, opens: true, waits: true, flags: showFlags, run: runShow,
		summary: "show one session: times, and what it holds",
		about: "ID is the public id, which the log and list print. Without -subject it goes through all\n" +
			"records until it is found. Long values are cut; -json prints them whole.",
		examples: []string{"cloakroom show dXsKq0Vv3n1oPbTz", "cloakroom show -subject account-1001 -json dXsKq0Vv3n1oPbTz"},
	},
	{
		name: "end", args: "ID | -subject SUBJECT | -all", most: 1, opens: true, waits: true, flags: endFlags, run: runEnd,
		summary: "end one session, those of a subject, or all",
		about: "With an ID and -subject, it looks among that subject's sessions only. After an error or\n" +
			"Ctrl-C, run it again: it ends the rest.",
		examples: []string{
			"cloakroom end dXsKq0Vv3n1oPbTz", "cloakroom end -subject bob@example.org",
			"cloakroom end -subject account-1001 dXsKq0Vv3n1oPbTz", "cloakroom end -all",
		},
	},
	{
		name: "prune", opens: true, waits: true, run: runPrune,
		summary:  "remove what has expired",
		about:    "For a timer, where the application runs no pruner. Redis and memcached do it by themselves.",
		examples: []string{"cloakroom prune -store file:/var/lib/shop/sessions"},
	},
	{
		name: "migrate", opens: true, waits: true, run: runMigrate,
		summary:  "make the table, the indexes or the folder",
		about:    "Makes what is missing in PostgreSQL, MySQL, SQLite, MongoDB or a file system.",
		examples: []string{"cloakroom migrate -store postgres://owner@db/shop"},
	},
	{
		name: "check", opens: true, waits: true, flags: checkFlags, run: runCheck,
		summary: "tell whether the store can be used: for a health probe",
		about: "Makes a record of nobody, changes it, sees that a change of another version is refused, and\n" +
			"deletes it. Compares the clocks of the servers with this machine's.",
		examples: []string{"cloakroom check", "cloakroom check -timeout 2s -skew 1s"},
	},
	{
		name: "copy", args: "FROM TO", least: 2, most: 2, waits: true, flags: copyFlags, run: runCopy,
		summary: "copy live sessions to another store: nobody signs in again",
		about: "Replaces what is older at TO, and leaves alone what may be newer. -mirror makes TO the same as\n" +
			"FROM; nothing else may use TO then.\n" +
			"After an error or Ctrl-C, run it again: it goes on. TO needs cloakroom migrate first.",
		examples: []string{
			"cloakroom copy file:/var/lib/shop/sessions redis://localhost:6379",
			"cloakroom copy -mirror env:OLD_STORE env:NEW_STORE",
		},
	},
	{
		name: "keygen", run: runKeygen,
		summary: "print a new key for the application",
		about: "Base64, as session.ParseKeys reads it. A key that is to replace another one\n" +
			"begins at the end of the list, in all processes, and moves to the front then.",
		examples: []string{`CLOAKROOM_KEYS="$CLOAKROOM_KEYS $(cloakroom keygen)"`},
	},
}

func idleFlag(f *flag.FlagSet, x *call) {
	f.DurationVar(&x.idle, "idle", 0, "the application's IdleTimeout, to tell when a session was last used")
}

func showFlags(f *flag.FlagSet, x *call) {
	idleFlag(f, x)
	f.StringVar(&x.subject, "subject", "", "look only among this `subject`'s sessions")
}

func endFlags(f *flag.FlagSet, x *call) {
	f.StringVar(&x.subject, "subject", "", "end this `subject`'s sessions, or the one with ID")
	f.BoolVar(&x.all, "all", false, "end everybody's sessions")
}

func checkFlags(f *flag.FlagSet, x *call) {
	f.DurationVar(&x.skew, "skew", 5*time.Second, "how far apart clocks may be")
}

func copyFlags(f *flag.FlagSet, x *call) {
	f.BoolVar(&x.mirror, "mirror", false, "replace what differs at TO, and end what has ended at FROM")
}

// usage describes all commands.
func usage() string {
	var b strings.Builder
	b.WriteString("Cloakroom looks after the sessions in a store. It needs no keys.\n\nUsage: cloakroom COMMAND [flags] [arguments]\n\n")
	t := newTable(&b)
	for i := range commands {
		t.row("  "+commands[i].usage(""), commands[i].summary)
	}
	_ = t.done() // a Builder takes everything
	b.WriteString("\ncloakroom COMMAND -h says more about one.\n\n" + storeHelp + "\n" + exitCodes)
	return b.String()
}

func (c *command) usage(flags string) string { return strings.TrimSpace(c.name + flags + " " + c.args) }

const storeHelp = `A store is named by -store, or the variable ` + storeVariable + `:
` + storeurl.Forms + `
` + sealerVariable + ` holds the keys of the application's Sealer, if it has one.
`

// help describes one command.
func (c *command) help(flags *flag.FlagSet) string {
	var b strings.Builder
	b.WriteString("Usage: cloakroom " + c.usage(" [flags]") + "\n\n")
	b.WriteString(strings.ToUpper(c.summary[:1]) + c.summary[1:] + ".\n" + c.about + "\n\n")
	if c.waits {
		b.WriteString("Flags:\n")
		flags.SetOutput(&b)
		flags.PrintDefaults()
		b.WriteString("\n")
	}
	b.WriteString("Examples:\n")
	for _, e := range c.examples {
		b.WriteString("  " + e + "\n")
	}
	if c.waits {
		b.WriteString("\n" + storeHelp)
	}
	b.WriteString("\n" + exitCodes)
	return b.String()
}
