package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestCountTellsWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		a := open(t, address)
		a.signIn("ann")
		a.signIn("ann")
		a.visit(nil, speaks("es"))
		gone, _ := a.signIn("bob")
		a.visit(gone, (*session.Session).Destroy) // leaves a tombstone
		got := decoded[counts](t, cloakroom(t, "count", "-json", "-store", address))
		if want := (counts{Sessions: 3, SignedIn: 2, Anonymous: 1}); got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
		cloakroom(t, "count", "-store", address).want(t, exitDone, "sessions   3\nsigned in  2\nanonymous  1\n", "")
		r := sessionstore.Record{Data: []byte("?"), Expires: time.Now().Add(time.Hour), Version: 1}
		if err := a.store.Create(t.Context(), strings.Repeat("A", sessionstore.IDLen), r); err != nil {
			t.Fatal(err)
		}
		cloakroom(t, "count", "-store", address).want(t, exitDone, "unreadable  1\n", "1 session can't be read")
	}
}

func TestListPrintsASubjectsSessions(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		a := open(t, address)
		cookie, first := a.signIn("ann", speaks("es"))
		_, second := a.signIn("ann")
		a.signIn("bob")
		list := decoded[[]view](t, cloakroom(t, "list", "-json", "-idle", "1h", "-store", address, "ann"))
		if len(list) != 2 || list[0].ID != second || list[1].ID != first {
			t.Fatalf("%s: %+v", kind, list)
		}
		for _, v := range list {
			if v.Subject != "ann" || v.Values != nil || v.Bytes == 0 || v.Started.IsZero() || v.Authenticated.IsZero() ||
				time.Since(v.LastSeen) > time.Hour || time.Until(v.Expires) > time.Hour {
				t.Errorf("%s: %+v", kind, v)
			}
		}
		r := cloakroom(t, "list", "-store", address, "ann")
		r.want(t, exitDone, "ID                STARTED ", "")
		r.want(t, exitDone, first+"  20", "")
		if strings.Contains(r.stdout, cookie.Value[:43]) {
			t.Errorf("%s: a ticket is printed", kind)
		}
		if list := decoded[[]view](t, cloakroom(t, "list", "-json", "-store", address, "eve")); list == nil || len(list) != 0 {
			t.Errorf("%s: nobody's sessions: %v", kind, list)
		}
	}
}

func TestListAndShowTellWhoActsAsTheSubject(t *testing.T) {
	t.Parallel()
	address := places(t)["sqlite"]
	a := open(t, address)
	a.signIn("ann")
	admin, _ := a.signIn("root\x1b[2J")
	cloakroom(t, "list", "-store", address, "ann").want(t, exitDone, "BYTES\n", "")
	var id string
	a.visit(admin, func(s *session.Session) {
		if err := s.Impersonate(t.Context(), "ann", time.Minute); err != nil {
			t.Error(err)
		}
		id = s.ID()
	})
	list := decoded[[]view](t, cloakroom(t, "list", "-json", "-store", address, "ann"))
	if len(list) != 2 || list[0].ID != id || list[0].Actor != "root\x1b[2J" || list[1].Actor != "" {
		t.Errorf("the list is %+v", list)
	}
	r := cloakroom(t, "list", "-store", address, "ann")
	r.want(t, exitDone, "BYTES  ACTOR\n", "")
	r.want(t, exitDone, `"root\x1b[2J"`, "")
	cloakroom(t, "show", "-store", address, id).want(t, exitDone, `actor          "root\x1b[2J"`, "")
}

func TestShowPrintsWhatASessionHoldsAndNoTicket(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		a := open(t, address)
		cookie, id := a.signIn("ann", speaks("es"), func(s *session.Session) { cart.Set(s, []string{"tea", "\u009b2J"}) })
		for _, args := range [][]string{{id}, {"-subject", "ann", id}} {
			args = append([]string{"show", "-store", address}, args...)
			r := cloakroom(t, args...)
			r.want(t, exitDone, "subject        ann\n", "")
			r.want(t, exitDone, `language  4      "es"`, "")
			r.want(t, exitDone, `["tea","\u009b2J"]`, "")
			v := decoded[view](t, cloakroom(t, append([]string{"show", "-json"}, args[1:]...)...))
			if v.ID != id || len(v.Values) != 2 || string(v.Values[1].Value) != `"es"` {
				t.Errorf("%s: %+v", kind, v)
			}
			for _, part := range []string{cookie.Value, cookie.Value[:43], cookie.Value[22:43]} {
				if strings.Contains(r.stdout, part) {
					t.Errorf("%s: a ticket is printed", kind)
				}
			}
		}
		cloakroom(t, "show", "-store", address, "-subject", "bob", id).want(t, exitNotFound, "", "there is no session "+id)
		cloakroom(t, "show", "-store", address, "nosuchsession123").want(t, exitNotFound, "", "there is no session nosuchsession123")
	}
}

func TestShowPrintsMessagesThatWereNotShownYet(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		long := strings.Repeat("山", 1000)
		_, id := open(t, address).signIn("ann", func(s *session.Session) {
			s.Flash("success", "saved\x1b[2J\nNAME")
			s.Flash("", long)
		})
		r := cloakroom(t, "show", "-store", address, id)
		r.want(t, exitDone, "CATEGORY  MESSAGE\nsuccess   \"saved\\x1b[2J\\nNAME\"\n\"\"        山山", "")
		if len(r.stdout) > 2000 || !strings.Contains(r.stdout, "(-json prints all)") {
			t.Errorf("%s: the table has %d bytes", kind, len(r.stdout))
		}
		v := decoded[view](t, cloakroom(t, "show", "-json", "-store", address, id))
		want := []message{{"success", "saved\x1b[2J\nNAME"}, {"", long}}
		if !slices.Equal(v.Messages, want) {
			t.Errorf("%s: %q, want %q", kind, v.Messages, want)
		}
	}
}

func TestALongValueIsCutInATableAndWholeInJSON(t *testing.T) {
	t.Parallel()
	address := places(t)["file"]
	long := strings.Repeat("山", 1<<20/3)
	_, id := open(t, address).signIn("ann", speaks(long))
	r := cloakroom(t, "show", "-store", address, id)
	r.want(t, exitDone, "(-json prints all)", "")
	if len(r.stdout) > 2000 {
		t.Errorf("the table has %d bytes", len(r.stdout))
	}
	v := decoded[view](t, cloakroom(t, "show", "-json", "-store", address, id))
	if len(v.Values) != 1 || string(v.Values[0].Value) != `"`+long+`"` {
		t.Errorf("the value has %d bytes in JSON, want %d", len(v.Values[0].Value), len(long)+2)
	}
}

// gobCodec is a codec whose output is no JSON.
type gobCodec struct{}

func (gobCodec) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func (gobCodec) Unmarshal(data []byte, v any) error {
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

func TestValuesOfAnotherCodecArePrintedAsBytes(t *testing.T) {
	t.Parallel()
	address := places(t)["file"]
	a := open(t, address, func(o *session.Options) { o.Codec = gobCodec{} })
	_, id := a.signIn("ann", speaks("es"))
	cloakroom(t, "show", "-store", address, id).want(t, exitDone, `\x00\x02es"`, "")
	v := decoded[view](t, cloakroom(t, "show", "-json", "-store", address, id))
	if want, _ := (gobCodec{}).Marshal("es"); len(v.Values) != 1 || !bytes.Equal(v.Values[0].Data, want) || v.Values[0].Value != nil {
		t.Errorf("%+v, want %q", v.Values, want)
	}
}

func TestASubjectIsPrintedWithoutItsEscapes(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		subject := "ann\x1b[2J\nexpires        never\u202e"
		_, id := open(t, address).signIn(subject)
		r := cloakroom(t, "show", "-store", address, id)
		r.want(t, exitDone, `"ann\x1b[2J\nexpires        never\u202e"`, "")
		if got := strings.ReplaceAll(r.stdout, "\n", ""); plain(got) != got {
			t.Errorf("%s: printed %q", kind, got)
		}
		list := decoded[[]view](t, cloakroom(t, "list", "-json", "-store", address, subject))
		if len(list) != 1 || list[0].Subject != subject {
			t.Errorf("%s: %v", kind, list)
		}
		cloakroom(t, "end", "-store", address, "-subject", subject).want(t, exitDone, "1 session ended", "")
	}
}

func TestSealedSessionsAreReadWithTheSealersKeysOnly(t *testing.T) {
	key := session.GenerateKey()
	sealer, err := session.NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	address := places(t)["file"]
	_, id := open(t, address, func(o *session.Options) { o.Sealer = sealer }).signIn("ann", speaks("es"))
	const hint = "are they sealed? CLOAKROOM_SEALER_KEYS"
	cloakroom(t, "count", "-store", address).want(t, exitDone, "unreadable  1", hint)
	cloakroom(t, "list", "-store", address, "ann").want(t, exitDone, "ID", hint)
	cloakroom(t, "show", "-store", address, id).want(t, exitNotFound, "", hint)
	cloakroom(t, "end", "-store", address, id).want(t, exitNotFound, "", hint)

	t.Setenv(sealerVariable, session.FormatKey(key))
	cloakroom(t, "count", "-store", address).want(t, exitDone, "signed in  1", "")
	cloakroom(t, "show", "-store", address, id).want(t, exitDone, `"es"`, "")
	t.Setenv(sealerVariable, "short")
	cloakroom(t, "count", "-store", address).want(t, exitUsage, "", sealerVariable)
}

func TestAnIDThatBeginsWithADashIsNoFlag(t *testing.T) {
	t.Parallel()
	mem := memstore.New(memstore.Options{})
	a := on(t, mem)
	id := ""
	for tries := 0; !strings.HasPrefix(id, "-"); tries++ {
		if tries == 10_000 {
			t.Fatal("no id begins with a dash")
		}
		_, id = a.signIn("ann")
	}
	run := func(args ...string) result {
		return cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"mem": mem}), args...)
	}
	for _, args := range [][]string{
		{"-store", "mem", id},
		{"-store", "mem", "--", id},
		{"-store", "mem", "-subject", "ann", id},
		{"-store=mem", "-json", id},
		{"--store=mem", "--json", id},
	} {
		run(append([]string{"show"}, args...)...).want(t, exitDone, id, "")
	}
	run("end", "-store", "mem", "-subject", id).want(t, exitNotFound, "0 sessions ended", "") // a subject of that name has none
	run("end", "-store", "mem", id).want(t, exitDone, "1 session ended", "")
}

// A crowd is a store with this many records, which it makes as they are asked for.
type crowd struct {
	sessionstore.Store

	n      int
	record sessionstore.Record
	met    func(i int)
}

func (s *crowd) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		for i := range s.n {
			if err := ctx.Err(); err != nil {
				yield(sessionstore.Entry{}, err)
				return
			}
			s.met(i)
			r := s.record
			r.Data = bytes.Clone(r.Data)
			if !yield(sessionstore.Entry{ID: numbered(i), Record: r}, nil) {
				return
			}
		}
	}
}

// numbered returns a record's id.
func numbered(i int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%032d", i))
}

// aCrowd returns a store of n records of somebody who is signed in.
func aCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	a := on(t, memstore.New(memstore.Options{}))
	a.signIn("ann", speaks(strings.Repeat("x", 100)))
	s := &crowd{Store: a.store, n: n, met: func(int) {}}
	for e, err := range sessionstore.Scan(t.Context(), a.store) {
		if err != nil {
			t.Fatal(err)
		}
		s.record = e.Record
	}
	return s
}

func TestManySessionsAreCountedInBoundedMemory(t *testing.T) { //nolint:paralleltest // it measures the process
	const n = 100_000
	s := aCrowd(t, n)
	most := uint64(0)
	s.met = func(i int) {
		if i%(n/10) == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	r := cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"crowd": s}), "count", "-json", "-store", "crowd")
	if got := decoded[counts](t, r); got.SignedIn != n {
		t.Errorf("%+v", got)
	}
	if limit := uint64(8 << 20); most > limit { // the records have three times as much
		t.Errorf("%d bytes in use, at most %d", most, limit)
	}
}
