package sqlstore

import (
	"strings"
	"testing"
)

func TestSchemaQuotesNames(t *testing.T) {
	t.Parallel()
	for d, c := range map[Dialect]struct {
		table string
		want  []string
	}{
		SQLite: {`x"; DROP TABLE users; --`, []string{
			`CREATE TABLE IF NOT EXISTS "x""; DROP TABLE users; --" (`,
			`CREATE INDEX IF NOT EXISTS "x""; DROP TABLE users; --_subject" ON "x""; DROP TABLE users; --" (subject)`,
		}},
		MySQL: {"x`; DROP TABLE users; --", []string{"CREATE TABLE IF NOT EXISTS `x``; DROP TABLE users; --` ("}},
	} {
		sql, err := SchemaSQL(d, Options{Table: c.table})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(sql, want) {
				t.Errorf("the schema lacks %s:\n%s", want, sql)
			}
		}
		if strings.Contains(sql, defaultTable) {
			t.Errorf("the schema still has the default name:\n%s", sql)
		}
	}
}

func TestSchemaByDefaultIsTheFile(t *testing.T) {
	t.Parallel()
	for d, own := range dialects {
		sql, err := SchemaSQL(d, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(sql, own.quote, ""); got != strings.ReplaceAll(own.schema, own.quote, "") {
			t.Errorf("the schema is\n%s\nwant the file with its names in quotes", sql)
		}
	}
}

func TestMigrateCreatesInOneTransaction(t *testing.T) {
	t.Parallel()
	f := &fake{answers: []answer{{err: mattnError{ExtendedCode: 1, err: "no such table: cloakroom_sessions"}}, none}}
	if err := open(t, f, SQLite).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, s := range f.sent {
		for line := range strings.Lines(s.sql) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
				kinds = append(kinds, strings.Join(strings.Fields(line + " . .")[:2], " "))
				break
			}
		}
	}
	if got := strings.Join(kinds, ", "); got != "SELECT id,, BEGIN ., CREATE TABLE, CREATE INDEX, COMMIT ., SELECT id," {
		t.Errorf("sent %s", got)
	}
}

func TestMigrateOnlyLooksWhereNothingIsMissing(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d Dialect) {
		t.Helper()
		f := &fake{answers: []answer{none}}
		if err := open(t, f, d).Migrate(t.Context()); err != nil || len(f.sent) != 1 {
			t.Errorf("sent %v, error %v, want one statement", f.sent, err)
		}
	})
}
