package sqlstore

import (
	"database/sql"
	"strings"
	"testing"
)

func TestNewRefusesANilDB(t *testing.T) {
	t.Parallel()
	if _, err := New(nil, SQLite, Options{}); err == nil || !strings.Contains(err.Error(), "db is nil") {
		t.Errorf("got error %v, want it to name db", err)
	}
}

func TestNewRefusesOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Table: strings.Repeat("t", 65)}, "Table has 65 bytes"},
		{Options{Table: "a\x00b"}, "Table"},
		{Options{Table: "a\xff"}, "Table"},
		{Options{MaxData: -1}, "MaxData"},
		{Options{MaxData: 64<<20 + 1}, "MaxData"},
		{Options{PruneBatch: -1}, "PruneBatch"},
		{Options{PruneBatch: 100_001}, "PruneBatch"},
	} {
		_, err := New(new(sql.DB), MySQL, c.o)
		if err == nil || !strings.HasPrefix(err.Error(), "sqlstore: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got error %v, want it to name %s", c.o, err, c.want)
		}
		if _, err := SchemaSQL(MySQL, c.o); err == nil {
			t.Errorf("SchemaSQL(%+v) takes what New refuses", c.o)
		}
	}
	if _, err := SchemaSQL(7, Options{}); err == nil {
		t.Error("Schema takes a dialect that is none")
	}
}

func TestNewTakesOptionsAtTheirLimits(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{},
		{Table: strings.Repeat("t", 64)},
		{Table: `Robert"); DROP TABLE students;--`},
		{MaxData: 64 << 20, PruneBatch: 100_000},
	} {
		if _, err := New(new(sql.DB), SQLite, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
