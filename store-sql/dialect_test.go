package sqlstore

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// What a database gets to see of sentProbe, and what it gets to see if it converts that.
var (
	sentHex      = fmt.Sprintf("%X", sentProbe)
	convertedHex = strings.ReplaceAll(sentHex, "FF", "3F")
)

// unasked returns a store that has not asked the database anything yet.
func unasked(t *testing.T, f *fake, d Dialect) *Store {
	t.Helper()
	s := open(t, f, d)
	s.probed.Store(0)
	return s
}

func TestTheDatabaseIsAskedOnceWhatItTakes(t *testing.T) {
	t.Parallel()
	const packet = 4 << 10
	f := &fake{answers: []answer{rowOf(int64(1), int64(packet), sentHex, ""), rowOf(sentHex), {affected: 1}}}
	s := unasked(t, f, MySQL)
	r := record()
	r.Data = make([]byte, packet-packetRest)
	for range 2 {
		if err := s.Create(t.Context(), someID, r); err != nil {
			t.Fatal(err)
		}
	}
	r.Data = make([]byte, packet-packetRest+1)
	if err := s.Create(t.Context(), someID, r); !errors.Is(err, sessionstore.ErrTooLarge) {
		t.Errorf("a record that fills the packet: %v, want ErrTooLarge", err)
	}
	if len(f.sent) != 4 || f.sent[3].text {
		t.Errorf("sent %v, want two questions and two writes", f.sent)
	}
}

// latin1 and latin5 differ in six letters.
func TestADatabaseIsAskedAboutEveryByte(t *testing.T) {
	t.Parallel()
	for b := range 1 << 8 {
		if !bytes.Contains(sentProbe, []byte{byte(b)}) {
			t.Errorf("it is not asked about %#x", b)
		}
	}
}

// The character sets of a connection may be such that the server changes the arguments of a
// prepared statement alone.
func TestArgumentsGoAsTextWherePreparedOnesChange(t *testing.T) {
	t.Parallel()
	takes := rowOf(int64(1), int64(1<<24), sentHex, "")
	for name, c := range map[string]struct {
		answers []answer
		want    error
	}{
		"it changes them":           {[]answer{takes, rowOf(convertedHex), {affected: 1}}, nil},
		"it refuses, by any number": {[]answer{takes, {err: &mysqlError{Number: 1105}}, {affected: 1}}, nil},
		"it prepares none":          {[]answer{takes, {err: &mysqlError{Number: erTooManyPrepared}}, {affected: 1}}, nil},
		"nobody knows":              {[]answer{takes, {err: errNetwork}, {affected: 1}}, errNetwork},
	} {
		f := &fake{answers: c.answers}
		err := unasked(t, f, MySQL).Create(t.Context(), someID, record())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if last := f.sent[len(f.sent)-1]; err == nil && (len(f.sent) != 3 || !last.text) {
			t.Errorf("%s: sent %v", name, f.sent)
		}
	}
}

func TestArgumentsThatChangeStayTextWhateverIsRefused(t *testing.T) {
	t.Parallel()
	refusal := &mysqlError{Number: erTooManyPrepared}
	f := &fake{answers: []answer{rowOf(int64(1), int64(1<<24), sentHex, ""), rowOf(convertedHex), {err: refusal}, {err: refusal}, none}}
	s := unasked(t, f, MySQL)
	for range 2 {
		_ = s.Delete(t.Context(), someID) // the first is refused
	}
	if last := f.sent[len(f.sent)-1]; len(f.sent) != 5 || !last.text {
		t.Errorf("sent %v, want text to the end", f.sent)
	}
}

func TestADatabaseThatKeepsNothingIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		d      Dialect
		answer answer
		want   error
	}{
		"in memory":         {SQLite, rowOf(""), errInMemory},
		"autocommit off":    {MySQL, rowOf(int64(0), int64(1<<24), sentHex, ""), errAutocommit},
		"bytes that change": {MySQL, rowOf(int64(1), int64(1<<24), convertedHex, ""), errConverts},
		"an empty NULL":     {MySQL, rowOf(int64(1), int64(1<<24), sentHex, nil), errEmptyIsNull},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for method := range calls(nil) {
				f := &fake{answers: []answer{c.answer}}
				s := unasked(t, f, c.d)
				for range 2 { // it is asked again
					if err := calls(s)[method](t.Context()); !errors.Is(err, c.want) {
						t.Errorf("%s: got error %v, want %v", method, err, c.want)
					}
				}
				if len(f.sent) != 2 {
					t.Errorf("%s sent %v, want the question only", method, f.sent)
				}
			}
		})
	}
	if _, err := New(new(sql.DB), 0, Options{}); err == nil {
		t.Error("New takes no dialect for one")
	}
}
