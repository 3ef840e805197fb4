package simulate_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A planted fault is a change of the package's source that the simulation has to
// find. It undoes what keeps a promise.
type planted struct {
	undoes string // which promise it breaks
	file   string // below core
	was    string // occurs once
	is     string
}

var faults = []planted{
	{
		"a form that is sent twice signs in twice, into one session", "session/load.go",
		"return f.stored != nil && f.view.subject == subject", "return false",
	},
	{
		"a ticket from before a login is quiet, so that no late page sets a cookie over the login's", "session/ticket_rights.go",
		"v := verdict{standing: quiet}", "v := verdict{standing: unknown}",
	},
	{
		"an offer retires nothing until it is seen, because its answer may be lost", "session/ticket_list.go",
		"	st.count++\n	e.offered = st.count\n",
		"	st.count++\n	e.offered = st.count\n	if old := st.entry(presented); old != nil {\n		old.retired = now\n	}\n",
	},
	{
		"what fails leaves the session as it was, or saved", "session/commit_write.go",
		`		return written(r, fmt.Errorf("session: updating: %w", err))`,
		`		_ = c.m.remove(ctx, c.stored.id)
		return written(r, fmt.Errorf("session: updating: %w", err))`,
	},
	{
		"nobody is signed in by a request that http.TimeoutHandler has answered", "session/handler_header.go",
		"if err := x.r.Context().Err(); err != nil {", "if err := error(nil); err != nil {",
	},
	{
		"nobody is signed in by a request whose connection was taken over", "session/handler_header.go",
		"x.headerSent.Load() || x.takenOver.Load()", "false",
	},
	{
		"a session stays under its id, where lists, ends and limits see it", "session/commit_write.go",
		"	switch err := c.m.store.Update(ctx, c.stored.id, c.stored.version, r); {\n",
		`	if asked {
		_ = c.m.store.Delete(ctx, c.stored.id)
		if err := c.m.store.Create(ctx, c.stored.id, r); err == nil {
			c.wrote(t, &next, next.stored(c.stored.id, r), done)
			return nil
		}
	}
	switch err := c.m.store.Update(ctx, c.stored.id, c.stored.version, r); {
`,
	},
	{
		"a damaged record does not stand in the way of ending and of signing in", "session/subject.go",
		"		if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {\n", "		if err != nil {\n",
	},
	{
		"a login that nobody has received takes nobody's place", "session/ticket_list.go",
		"!e.before && !e.stale(now) &&", "!e.before &&",
	},
	{
		"a slow reader undoes no shorter timeout", "memstore/touch.go",
		"	case sh.slots[i].version() != version:\n		return sessionstore.ErrConflict\n	}\n	sh.slots[i].expires",
		"	}\n	sh.slots[i].expires",
	},
	{
		"two Managers of a request do not share a cookie", "session/handler.go",
		"rival: r.Context().Value(m.carrier) != nil", "rival: false",
	},
	{
		"a logout takes the cookie back, whether or not the process knows its key", "session/session.go",
		"s.wants = wants{unset: reason == EndDestroyed && (s.x.brought || s.stored != nil)}", "s.wants = wants{}",
	},
	{
		"a login does not starve beside writers", "session/commit.go",
		"		if err := c.rebase(ctx); err != nil {\n",
		`		if c.wants.login != "" || c.wants.offers > 0 {
			return fmt.Errorf("session: %w", sessionstore.ErrConflict)
		}
		if err := c.rebase(ctx); err != nil {
`,
	},
	{
		"a write that has landed is not made twice", "session/commit_rebase.go",
		"if st.wrote(a.version) ||", "if false ||",
	},
	{
		"a list waits for the store no longer than StoreTimeout", "session/subject.go",
		`func (m *Manager) List(ctx context.Context, subject string) ([]Info, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opts.StoreTimeout)
	defer cancel()
`, "func (m *Manager) List(ctx context.Context, subject string) ([]Info, error) {\n",
	},
	{
		"a request that another site has sent without the cookie sets none over it", "session/ticket_transport.go",
		`r.Header.Get("Sec-Fetch-Site") != "cross-site"`, "true",
	},

	// And what else keeps the promises of the hand-over.
	{
		"no ticket from before a first login is good after it", "session/ticket_list.go",
		"st.tickets[i].before = true", "st.tickets[i].before = false",
	},
	{
		"a retired ticket is quiet after its grace", "session/ticket_rights.go",
		"if t.now.Sub(e.retired) < t.grace {", "if true {",
	},
	{
		"a retired ticket is handed nothing", "session/commit_write.go",
		"if err == nil && !login && c.ticket.standing == retired {", "if false {",
	},
	{
		"a level is the new ticket's alone", "session/load.go",
		"	f.view.rights = f.verdict.rights\n",
		`	f.view.rights = f.verdict.rights
	for i := range f.view.tickets {
		f.view.steps = append(f.view.steps, f.view.tickets[i].steps...)
	}
`,
	},
	{
		"who they are is proved again with the new ticket alone", "session/session_login.go",
		`"", func(v *view) { v.authenticated = now })`,
		`"", func(v *view) {
		v.authenticated = now
		v.tickets = slices.Clone(v.tickets)
		for i := range v.tickets {
			v.tickets[i].authenticated = now
		}
	})`,
	},
	{
		"offers beside the one that was seen stay good", "session/ticket_list.go",
		"case !o.current() || o.seen > e.offered:", "case o.hash == hash || o.seen > e.offered:",
	},
	{
		"MaxSessions is kept", "session/subject_limit.go",
		"return live[min(c.m.opts.MaxSessions, len(live)):]", "return live[min(c.m.opts.MaxSessions+1, len(live)):]",
	},
	{
		"what has ended stays ended", "session/commit_write.go",
		"		return sessionstore.ErrConflict // rebase decides what that means\n",
		`		if err := c.m.store.Create(ctx, c.stored.id, r); err != nil {
			return err
		}
`,
	},
	{
		"a logout leaves a tombstone, which keeps late requests quiet", "session/commit_end.go",
		"	tombstone := at.tombstone()\n", `	if at.version != 0 {
		return m.remove(ctx, at.id)
	}
	tombstone := at.tombstone()
`,
	},
	{
		"signing in as somebody else begins a session with nothing in it", "session/session_login.go",
		"			*v = fresh.clone() // nothing of one account reaches another\n", "",
	},
	{
		"no update is lost", "session/commit_rebase.go",
		"	for _, change := range c.changes {", "	for _, change := range c.changes[:0] {",
	},
	{
		"a quiet ticket ends nothing", "session/commit_end.go",
		"		grace = c.m.opts.RenewGrace\n", "",
	},
	{
		"RefuseNew lets no two in at the same moment", "session/subject_limit.go",
		"err := c.takeBack(ctx, at);", "_, err := at, error(nil);",
	},
	{
		"nobody keeps an offer for later", "session/commit_write.go",
		"		next.dropBanked(presented, c.s.x.began)\n", "",
	},
	{
		"a retired ticket reloads nothing", "session/session_reload.go",
		"case c.ticket.standing == retired && (grace == 0 ||", "case false && (grace == 0 ||",
	},
	{
		"a passive look extends nothing", "session/commit_session.go",
		"!s.x.passive && s.m.touchDue", "s.m.touchDue",
	},
	{
		"a cookie lasts until its session's last possible end", "session/ticket_cookie.go",
		"max(1, int((age+time.Second-1)/time.Second))", "max(1, int(age/time.Second)/8)",
	},
	{
		"a form that is sent twice knows its secret", "session/load.go",
		"		s.cur.seed = next.seed(&next.ticket.token)\n", "",
	},
	{
		"a login that has ended already is not answered as if all was well", "session/commit.go",
		"	if err == nil && c.ended && c.login {\n", "	if false {\n",
	},
	{
		"a Create that comes late brings nothing back", "session/commit_write.go",
		"t = c.tried[i].ticket.token.sibling()", "t = c.tried[i].ticket.token",
	},
	{
		"a Commit that is repeated does not report success for what was given up", "session/session.go",
		"	return s.refused\n", "	return nil\n",
	},
	{
		"who acts as another holds no level", "session/session_acting.go",
		"f.own = seed, own\n", "f.own = seed, own\n		f.view.steps = own.view.steps\n",
	},
	{
		"who has acted as another is led back", "session/session_acting.go",
		"	f.own = own\n", "",
	},
	{
		"who acts as another sees nothing of their own", "session/session_impersonate.go",
		"	v.subject, v.actor, v.deadline = ", "	v.values = c.view.clone().values\n	v.subject, v.actor, v.deadline = ",
	},
	{
		"a session in which somebody acts is over with their own", "session/subject.go",
		"if ok, err = m.actorLives(ctx, e.ID, &st); err != nil {", "if err != nil {",
	},
	{
		"who acts as another is not idle", "session/commit.go",
		"	c.keepOwn(ctx)\n", "",
	},
	{
		"AbsoluteTimeout ends a ticket", "session/ticket_rights.go",
		"case !t.now.Before(e.endsBy(t.absolute)):", "case false:",
	},
}

// plant returns the changed file.
func (f planted) plant() ([]byte, error) {
	source, err := os.ReadFile(f.path())
	switch {
	case err != nil:
		return nil, err
	case strings.Count(string(source), f.was) != 1:
		return nil, errors.New(f.file + " does not have once: " + f.was)
	}
	return []byte(strings.Replace(string(source), f.was, f.is, 1)), nil
}

func (f planted) path() string { return filepath.Join("..", "..", "..", filepath.FromSlash(f.file)) }

var plant = flag.Bool("plant", false, "plant all faults, not only the first")

// Each is found within two thousand runs.
func TestPlantedFaultsAreFound(t *testing.T) {
	t.Parallel()
	for i, f := range faults {
		if i > 0 && !*plant {
			break
		}
		t.Run(f.undoes, func(t *testing.T) {
			t.Parallel()
			binary := f.build(t, nil)
			out, err := exec.CommandContext(t.Context(), binary, "-test.run", "^TestSimulation$", "-seeds", "2000").CombinedOutput()
			if err == nil {
				t.Fatal("not found")
			}
			found := regexp.MustCompile(`simulate_test.go:\d+: (.*)\n.*-seed (\d+)`).FindSubmatch(out)
			if found == nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("seed %s, %s: %s", found[2], f.undoes, found[1])
		})
	}
}

// build makes the simulation's test binary of the changed source, and of more files.
func (f planted) build(t *testing.T, more map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	changed, err := f.plant()
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(f.path())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	replace := map[string]string{path: write("changed.go", changed)}
	for name, data := range more {
		here, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[here] = write(name, []byte(data))
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay, binary := write("overlay.json", text), filepath.Join(dir, "simulate.test")
	out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
