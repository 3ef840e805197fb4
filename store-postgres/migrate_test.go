package postgresstore

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestSchemaQuotesNames(t *testing.T) {
	t.Parallel()
	sql, err := SchemaSQL(Options{Schema: "my app", Table: `x"; DROP TABLE users; --`})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`CREATE TABLE IF NOT EXISTS "my app"."x""; DROP TABLE users; --" (`,
		`CREATE INDEX IF NOT EXISTS "x""; DROP TABLE users; --_subject" ON "my app"."x""; DROP TABLE users; --" (subject)`,
	} {
		if !strings.Contains(sql, want) {
			t.Errorf("the schema lacks %s:\n%s", want, sql)
		}
	}
	if strings.Contains(sql, defaultTable) {
		t.Errorf("the schema still has the default name:\n%s", sql)
	}
}

func TestSchemaByDefaultIsTheFile(t *testing.T) {
	t.Parallel()
	sql, err := SchemaSQL(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(sql, `"`, ""); got != strings.ReplaceAll(schemaSQL, `"`, "") {
		t.Errorf("the schema is\n%s\nwant schema.sql with its names in quotes", sql)
	}
}

func TestMigrateCreatesInOneMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		table  string
	}{
		"nothing is there":    {found("", false), `"cloakroom_sessions"`},
		"an index is missing": {found("shop", false), `"shop"."cloakroom_sessions"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := &fake{answers: []answer{c.answer, {}}}
			if err := open(t, db).Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(db.sent) != 2 || !strings.HasPrefix(db.sent[1].sql, "SELECT pg_advisory_xact_lock(") ||
				len(db.sent[1].args) != 1 || db.sent[1].args[0] != pgx.QueryExecModeSimpleProtocol ||
				!strings.Contains(db.sent[1].sql, "CREATE TABLE IF NOT EXISTS "+c.table+" (") {
				t.Errorf("sent %v, want one message that takes a lock first and then creates %s", db.sent, c.table)
			}
		})
	}
}

func TestMigrateOnlyLooksWhereNothingIsMissing(t *testing.T) {
	t.Parallel()
	db := &fake{answers: []answer{found("public", true)}}
	if err := open(t, db).Migrate(t.Context()); err != nil || len(db.sent) != 1 {
		t.Errorf("sent %v, error %v, want one statement", db.sent, err)
	}
}

// found is the answer about a table that the role may use.
func found(schema string, complete bool) answer {
	return answer{row: []any{[]byte{0}, time.Time{}, schema, complete, "", false}}
}
