package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Subjects are bytes. Backends compare text by rules of their own, so each of these kinds
// of likeness has a case.

// A likeness is a group of subjects that some comparison takes for the same.
type likeness struct {
	name    string // of what differs
	similar func(subject string) []string
}

func likenesses() []likeness {
	ends := func(ends ...string) func(string) []string {
		return func(s string) []string {
			var all []string
			for _, end := range ends {
				all = append(all, s+end)
			}
			return all
		}
	}
	return []likeness{
		{"case", ends("-anna", "-Anna", "-ANNA", "-éA", "-Éa", "-ß", "-ẞ", "-ss", "-SS", "-ı", "-i", "-İ", "-I", "-ς", "-σ", "-Σ")},
		{"accents", ends("-e", "-é", "-è", "-ê", "-n", "-ñ", "-o", "-ö", "-ø", "-oe", "-œ", "-a", "-å", "-aa", "-d", "-đ")},
		{"composition", ends("-\u00e9", "-e\u0301", "-\u00c5", "-A\u030a", "-\u212b", "-\uac00", "-\u1100\u1161",
			"-q\u0307\u0323", "-q\u0323\u0307")},
		{"compatibility", ends("-A", "-\uff21", "-\ufb01", "-fi", "-\u00b2", "-2", "-\u2160", "-I", "-K", "-\u212a", "-\uff12",
			"-\u30ab", "-\uff76", "-\u304b")},
		{"spaces", func(s string) []string {
			all := []string{s, " " + s, "\t" + s, "\n" + s, "\ufeff" + s, "\u00a0" + s}
			return append(all, ends(" ", "  ", "\t", "\n", "\r\n", "\r", "\v", "\u00a0", "\u3000", "\u2003", "\u2028", "-a b",
				"-a  b", "-ab", "-a\tb")(s)...)
		}},
		{"what is not seen", ends("", "\u200b", "\u200d", "\u200e", "\u00ad", "\ufeff", "\ufe0f", "\x01", "\x1f", "\x7f", "\u0085",
			"\u2060")},
		{"letters beyond 16 bits", ends("😀", "😁", "😀😁", "𝒜", "𝒝", "𐐀", "𐐨", "\ufffd", "\uffff", "\ufdd0", "\U0010ffff",
			"?", "??", "👩‍💻", "👩💻")},
		{"numbers", func(string) []string {
			n := newNumber()
			return []string{
				n, "0" + n, n + ".0", "+" + n, "-" + n, n + "e0", n + "0", " " + n, n + "\n",
				n + "9007199254740992", n + "9007199254740993",
			}
		}},
		{"the end of long ones", func(s string) []string {
			var all []string
			for _, at := range []int{40, 63, 64, 100, 127, 128, 150, 190, 191, 192, 200, 240, 249, 250, 253, 254, 255} {
				long := s + strings.Repeat("x", at-1-len(s))
				all = append(all, long, long+"y")
			}
			full := all[len(all)-1]
			for _, at := range []int{40, 64, 128, 191, 200, 250, 254} { // of 255 bytes, with one that differs
				all = append(all, full[:at]+"z"+full[at+1:])
			}
			slices.Sort(all)
			return slices.Compact(all)
		}},
		{"patterns and separators", ends("", "%", "_", "*", "?", ".", ".*", "[a]", "a", "{a}", "(a)", "\\", "\\\\", "\\n", "\n", "/", "//",
			"/.", "/..",
			"/a", "/a/", ":", "::", ":a", ";", ",", "|", "~", "'", "''", "\"", "`", "$1", "?1", "%41", "%00", "+", "&", "&amp;",
			"<a>", "&lt;a>", "#", "--", "!", "!a", "!!", "^", "^a", "\x01a", "\x02", "\x1c", "\x1d", "\x1e", "\x1f",
			"{b}a", "{b}c", " b", "%20b", "+b", "=", "=a")},
		{"addresses", ends("@example.org", "@Example.org", "@example.org.", "@example.com", "+a@example.org", "+b@example.org",
			".@example.org", "@example.org/a", "@example.org?a", "")},
		{"a checksum", ends("-plumless", "-buckeroo", "-Aa", "-BB", "-AaBB", "-BBAa")}, // CRC-32, and 31 times the last plus the next
		{"words of a language", func(s string) []string {
			return []string{
				s, "null:" + s, "NULL:" + s, "nil:" + s, "true:" + s, `"` + s + `"`,
				`{"a":"` + s + `"}`, "../" + s, "./" + s, "/" + s, "$" + s, "." + s, "-" + s, "__proto__" + s,
			}
		}},
	}
}

// newNumber returns digits that nobody else uses, the first of which is not zero.
func newNumber() string {
	digits := randomBytes(20)
	for i, b := range digits {
		digits[i] = '1' + b%9
	}
	return string(digits)
}

// parts returns subjects that are names, patterns or keys of something in some backend.
func parts() []string {
	return []string{
		".", "..", "/", "\\", "~", "%", "_", "__", "?", "#", ":", "::", ",", ";", "$", "&", "'", "a", "A", "b", "ab", "1", "00", "1e0",
		"-1",
		"index", "subject", "subjects", "session", "sessions", "record", "records", "id", "ids", "data", "version", "expires", "expiry",
		"meta", "all", "main", "default", "public", "id:a", "subject:a", "true", "NaN", "inf", ".lock", "tmp", "tmp.lock", "con", "NUL",
	}
}

func textCases() []testCase {
	cases := []testCase{
		{
			name: "subjects come back",
			rule: "All stores return a record's subject byte for byte, after Create, Update and Touch.",
			run:  textSubjects,
		},
		{
			name: "subjects that are ids",
			rule: "A subject may be any text: also the id of its record, or of another.",
			run:  textIDs,
		},
		{
			name: "data comes back",
			rule: "Data is opaque to the store: every byte comes back as it was written, after Create, Update and Touch.",
			run:  textData,
		},
	}
	for _, l := range likenesses() {
		cases = append(cases,
			testCase{
				name:  "lists differ in " + l.name,
				rule:  "Subjects are compared byte for byte: ListSubject and DeleteSubject find no record of a subject that differs in " + l.name + ".",
				needs: SubjectIndex,
				run:   func(t *tester) { textLists(t, l) },
			})
	}
	return append(cases, testCase{
		name:  "lists of words that are anything else",
		rule:  "A subject may be any text, also one that is a pattern, a folder, a number or the name of something in the backend: its list has its records alone, and DeleteSubject deletes no others.",
		needs: SubjectIndex,
		run: func(t *tester) {
			textLists(t.isolated(), likeness{similar: func(string) []string { return append(words(), parts()...) }})
		},
	}, testCase{
		name:  "given to one that looks the same",
		rule:  "Subjects are compared byte for byte: a record that Update gives to a subject that looks like the old one is in its list, and no longer in the old one's.",
		needs: SubjectIndex,
		run:   textGiven,
	})
}

// looks returns some subjects of each kind.
func looks() []string {
	var all []string
	for _, l := range likenesses() {
		similar := l.similar(newSubject())
		all = append(all, similar[0], similar[1], similar[len(similar)/2], similar[len(similar)-1])
	}
	return all
}

// words returns subjects that mean nobody, nothing or something else to some backend or
// encoding. They are the only ones that are not random; they are neither listed nor deleted in the
// shared namespace.
func words() []string {
	return []string{"null", "NULL", "nil", "none", "undefined", "0", "false", "-", "*", "anonymous", "nobody", "{}", "[]", `""`}
}

func textSubjects(t *tester) {
	id, r := t.created()
	for _, subject := range slices.Concat(looks(), words()) {
		old := r
		r = t.record()
		r.Subject = subject
		t.want(nil, t.store.Update(t.Context(), id, old.Version, r), "Update to the subject "+whose(subject))
		if got := t.load(id); got.Subject != subject {
			t.Fatalf("Update wrote subject %q, Load returns %q", subject, got.Subject)
		}
		t.touch(id, r.Version, r.Expires.Add(5))
		got := t.load(id)
		if r.Version = got.Version; got.Subject != subject {
			t.Fatalf("after Touch, Load returns subject %q, was %q", got.Subject, subject)
		}
	}
	for _, subject := range slices.Concat(looks(), words()) {
		id, r := t.newID(), t.record()
		r.Subject = subject
		t.want(nil, t.store.Create(t.Context(), id, r), "Create with the subject "+whose(subject))
		if got := t.load(id).Subject; got != subject {
			t.Fatalf("Create wrote subject %q, Load returns %q", subject, got)
		}
	}
}

func textIDs(t *tester) {
	ids := []string{t.newID(), t.newID()}
	for _, subjects := range [][]string{{ids[0], ids[1]}, {ids[1], ids[0]}} {
		records := make([]sessionstore.Record, len(ids))
		for i, id := range ids {
			records[i] = t.record()
			records[i].Subject = subjects[i]
			t.want(nil, t.store.Create(t.Context(), id, records[i]), "Create with a subject that is an id")
		}
		for i, id := range ids {
			t.wantWritten(id, records[i], "")
		}
		t.want(nil, t.store.Delete(t.Context(), ids[0]), "Delete of a record whose id is a subject")
		t.wantGone(ids[0])
		t.wantWritten(ids[1], records[1], "")
		t.remove(ids[1])
	}
}

func textData(t *tester) {
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	opaque := [][]byte{
		everyByte,
		{},
		{0},
		{0, 0, 0},
		[]byte("ends in zeros\x00\x00"), []byte(" spaces \r\n"), []byte("e\u0301 \u00e9"), []byte("\xff\xfe"), []byte("42"),
		[]byte("\ufeffa mark"), []byte("\x1f\x8b\x08 no gzip"), []byte("\x28\xb5\x2f\xfd no zstd"), []byte("\x78\x9c no zlib"),
		nil, []byte("\x04\x22\x4d\x18 no lz4"), []byte("Zm9v"), []byte("%41+&amp;"), []byte(`"a\u0041"`),
		[]byte(`{"a":1}`), []byte("null"), []byte("CRK1"), slices.Repeat([]byte("same "), 2000), randomBytes(5000),
	}
	id, r := t.created()
	inner := t.record()
	opaque = append(opaque, []byte(id), sessionstore.AppendRecord(nil, id, inner), sessionstore.AppendRecord(nil, id, inner)[:80])
	for _, data := range opaque {
		old := r
		r = t.record()
		r.Data = bytes.Clone(data)
		t.want(nil, t.store.Update(t.Context(), id, old.Version, r), "Update to "+whatData(data))
		t.touch(id, r.Version, r.Expires.Add(5))
		got := t.load(id)
		if r.Version = got.Version; !bytes.Equal(got.Data, data) {
			t.Fatalf("Update wrote %s, Load returns %s", whatData(data), whatData(got.Data))
		}
	}
	for _, data := range append(opaque, nil) {
		id, r := t.newID(), t.record()
		if r.Data = bytes.Clone(data); data == nil {
			data = sessionstore.AppendRecord(nil, id, inner)
			r.Data = bytes.Clone(data)
		}
		t.want(nil, t.store.Create(t.Context(), id, r), "Create with "+whatData(data))
		if got := t.load(id).Data; !bytes.Equal(got, data) {
			t.Fatalf("Create wrote %s, Load returns %s", whatData(data), whatData(got))
		}
	}
}

func whatData(data []byte) string {
	if data == nil {
		return "data that is nil"
	}
	return fmt.Sprintf("data of %d bytes, %.40q", len(data), data)
}

// textLists has a record for each of some subjects that are alike, and then deletes those
// of every other one.
func textLists(t *tester, l likeness) {
	subjects := l.similar(newSubject())
	ids := make([]string, len(subjects))
	for i, subject := range subjects {
		r := t.record()
		r.Subject = subject
		ids[i] = t.newID()
		t.want(nil, t.store.Create(t.Context(), ids[i], r), "Create with the subject "+whose(subject))
	}
	of := func(id string) string { return whose(subjects[slices.Index(ids, id)]) }
	alone := func(i int) {
		found := false
		for _, e := range t.list(subjects[i]) {
			switch at := slices.Index(ids, e.ID); {
			case at == i:
				found = true
			case at < 0:
				t.Errorf("the list of %s has a record of somebody else", whose(subjects[i]))
			default:
				t.Errorf("the list of %s has a record of %s", whose(subjects[i]), of(e.ID))
			}
		}
		if !found {
			t.Errorf("the list of %s does not have its record", whose(subjects[i]))
		}
	}
	for i := range subjects {
		alone(i)
	}
	if t.Failed() {
		return
	}
	for i := 0; i < len(subjects); i += 2 {
		if n, err := sessionstore.DeleteSubject(t.Context(), t.store, subjects[i]); n != 1 || err != nil {
			t.Errorf("DeleteSubject of %s deletes %d records (error %v), want 1", whose(subjects[i]), n, err)
		}
		t.wantGone(ids[i])
	}
	for i := 1; i < len(subjects); i += 2 {
		alone(i)
	}
}

func textGiven(t *tester) {
	for _, l := range likenesses() {
		similar := l.similar(newSubject())
		id := t.createdFor(similar[0], 1)[0]
		for i, subject := range similar[1:] {
			t.give(id, subject)
			if list := t.list(similar[i]); len(list) > 0 {
				t.Errorf("the list of %s still has a record that was given to %s", whose(similar[i]), whose(subject))
			}
			if list := t.list(subject); len(list) != 1 || list[0].Record.Subject != subject {
				t.Errorf("the list of %s has %d records, want the one that was given to it", whose(subject), len(list))
			}
		}
	}
}
