package postgresstore

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestNewRefusesANilDB(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]DB{
		"nil": nil, "pool": (*pgxpool.Pool)(nil), "connection": (*pgx.Conn)(nil),
	} {
		if _, err := New(db, Options{}); err == nil || !strings.Contains(err.Error(), "db is nil") {
			t.Errorf("%s: got error %v, want it to name db", name, err)
		}
	}
}

func TestNewRefusesOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Table: strings.Repeat("t", 56)}, "Table has 56 bytes"},
		{Options{Table: "a\x00b"}, "Table"},
		{Options{Table: "a\xff"}, "Table"},
		{Options{Schema: strings.Repeat("s", 64)}, "Schema has 64 bytes"},
		{Options{Schema: "\x00"}, "Schema"},
		{Options{MaxData: -1}, "MaxData"},
		{Options{MaxData: 64<<20 + 1}, "MaxData"},
		{Options{PruneBatch: -1}, "PruneBatch"},
		{Options{PruneBatch: 100_001}, "PruneBatch"},
	} {
		_, err := New(&fake{}, c.o)
		if err == nil || !strings.HasPrefix(err.Error(), "postgresstore: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got error %v, want it to name %s", c.o, err, c.want)
		}
		if _, err := SchemaSQL(c.o); err == nil {
			t.Errorf("SchemaSQL(%+v) takes what New refuses", c.o)
		}
	}
}

func TestNewTakesOptionsAtTheirLimits(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{},
		{Table: strings.Repeat("t", 55), Schema: strings.Repeat("s", 63)},
		{Table: `Robert"); DROP TABLE students;--`},
		{MaxData: 64 << 20, PruneBatch: 100_000},
	} {
		if _, err := New(&fake{}, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
