//go:build unix

package stores_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// code finds what a page writes as code within a line.
var code = regexp.MustCompile("`([^`]+)`")

// backendRows returns the commands of the page's table by backend: those of a subject's
// records, of one record, and of how many there are.
func backendRows(t *testing.T) map[string][3][]string {
	t.Helper()
	_, table, _ := strings.Cut(read(t, operations), "\nIn the backend itself:\n\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := make(map[string][3][]string)
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 6 {
			t.Fatalf("a row of %d cells: %s", len(cells)-2, line)
		}
		var row [3][]string
		for i := range row {
			for _, m := range code.FindAllStringSubmatch(cells[2+i], -1) {
				row[i] = append(row[i], strings.ReplaceAll(m[1], "\x00", "|"))
			}
		}
		rows[strings.TrimSpace(cells[1])] = row
	}
	return rows
}

// TestCommandsInOperationsOnEveryStore runs the commands that look into a backend, with its
// own programs.
func TestCommandsInOperationsOnEveryStore(t *testing.T) {
	t.Parallel()
	rows := backendRows(t)
	for title, name := range map[string]string{
		"PostgreSQL": "postgres", "MySQL, MariaDB": "mysql", "SQLite": "sqlite", "Redis": "redis", "MongoDB": "mongo", "file": "file",
	} {
		row, ok := rows[title]
		if !ok {
			t.Errorf("the page has no row %q", title)
		}
		delete(rows, title)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookInto(t, backends.Named(t, name), row)
		})
	}
	for title := range rows {
		t.Errorf("no test runs the commands of %s", title)
	}
}

func lookInto(t *testing.T, b *backends.Backend, row [3][]string) {
	t.Helper()
	var s *servers.Server
	p := b.Place(t)
	if b.Server != nil {
		s = servers.Beside(t, b.Server)
		p.Address = s.URL
	}
	c := theCrowd(t, b.At(t, p))
	run := func(command string) string {
		named := strings.NewReplacer("cloakroom_sessions", p.Name, "session:", p.Name+":", "db.sessions", "db."+p.Name,
			"FOLDER", p.Address, "FILE", p.Address, "HASH", hash(), "ID", c.mine[0], "…", c.mine[0])
		return looks[b.Name](t, s, p, named.Replace(command))
	}
	for _, command := range row[0] {
		got := run(command)
		for _, id := range c.mine {
			if !strings.Contains(got, id) {
				t.Errorf("%s does not show %s:\n%s", command, id, got)
			}
		}
		for _, id := range c.others {
			if strings.Contains(got, id) {
				t.Errorf("%s shows %s, which is not the subject's:\n%s", command, id, got)
			}
		}
	}
	for i, command := range row[1] {
		got := run(command)
		if i == 0 && !strings.Contains(got, `language"es"`) {
			t.Errorf("%s does not show the value:\n%s", command, got)
		}
		if ms, err := strconv.Atoi(strings.TrimSpace(got)); i == 1 && (err != nil || ms < 1) {
			t.Errorf("%s shows no time to live: %s", command, got)
		}
	}
	live := c.live
	if b.Name == "file" {
		live++ // as the page says, the one that has expired is included
	}
	for _, command := range row[2] {
		if got := strings.TrimSpace(run(command)); got != strconv.Itoa(live) {
			t.Errorf("%s shows %s, want %d", command, got, live)
		}
	}
	for i, commands := range row {
		if len(commands) == 0 {
			t.Errorf("column %d has no command", i)
		}
	}
	if b.Name == "postgres" {
		dumps(t, run, c)
	}
}

// dumps runs the command that leaves sessions out of a backup.
func dumps(t *testing.T, run func(string) string, c crowd) {
	t.Helper()
	command := regexp.MustCompile("`(pg_dump [^`]+)`").FindStringSubmatch(read(t, operations))
	if command == nil {
		t.Fatal("the page has no pg_dump")
	}
	if got := run(command[1]); !strings.Contains(got, "CREATE TABLE ") || strings.Contains(got, c.mine[0]) {
		t.Errorf("%s prints\n%s", command[1], got)
	}
}

func hash() string {
	sum := sha256.Sum256([]byte(account))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// looks run a command of a backend, or a statement in its client, and return what it shows.
var looks = map[string]func(t *testing.T, s *servers.Server, p backends.Place, command string) string{
	"file": func(t *testing.T, _ *servers.Server, _ backends.Place, command string) string {
		t.Helper()
		return here(t, "", command)
	},
	"sqlite": func(t *testing.T, _ *servers.Server, p backends.Place, command string) string {
		t.Helper()
		if strings.HasPrefix(command, "SELECT ") {
			return here(t, "", `sqlite3 "$1" "$2"`, p.Address, command)
		}
		return here(t, "", command)
	},
	"redis": func(t *testing.T, s *servers.Server, _ backends.Place, command string) string {
		t.Helper()
		host, port := inside(t, s)
		client := `$(command -v redis-cli || command -v valkey-cli) -h ` + host + " -p " + port
		if rest, ok := strings.CutPrefix(command, "redis-cli "); ok {
			return beside(t, s, client+" "+rest)
		}
		return beside(t, s, client+" "+command)
	},
	"postgres": func(t *testing.T, s *servers.Server, _ backends.Place, command string) string {
		t.Helper()
		config, err := pgx.ParseConfig(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		host, port := inside(t, s)
		env := "export PGHOST=" + host + " PGPORT=" + port + " PGUSER=" + config.User + " PGPASSWORD=" + config.Password +
			" PGDATABASE=" + config.Database + "\n"
		if strings.HasPrefix(command, "SELECT ") {
			return beside(t, s, env+`psql -At -c "$1"`, command)
		}
		return beside(t, s, env+command)
	},
	"mysql": func(t *testing.T, s *servers.Server, _ backends.Place, command string) string {
		t.Helper()
		config, err := mysql.ParseDSN(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		host, port := inside(t, s)
		return beside(t, s, "export MYSQL_PWD="+config.Passwd+"\n"+
			"$(command -v mariadb || command -v mysql) -h "+host+" -P "+port+" -u "+config.User+` -NB "$1" -e "$2"`, config.DBName, command)
	},
	"mongo": func(t *testing.T, s *servers.Server, p backends.Place, command string) string {
		t.Helper()
		host, port := inside(t, s)
		out, code := s.Shell(t, `mongosh --quiet "$1" --eval "$2"`,
			"mongodb://"+net.JoinHostPort(host, port)+"/cloakroom?directConnection=true", command)
		switch code {
		case 0:
			return out
		case 127: // as beside the stand-in
			t.Logf("there is no mongosh beside %s: the driver runs %s", s.Name, command)
			return byDriver(t, p, command)
		}
		t.Fatalf("%s: exit code %d: %s", command, code, out)
		return ""
	},
}

func inside(t *testing.T, s *servers.Server) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Inside)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// beside runs a script where the server's client programs are.
func beside(t *testing.T, s *servers.Server, script string, args ...string) string {
	t.Helper()
	out, code := s.Shell(t, script, args...)
	if code != 0 {
		t.Fatalf("%s: exit code %d: %s", script, code, out)
	}
	return out
}

// byDriver does what a command of mongosh does that calls one method of a collection.
func byDriver(t *testing.T, p backends.Place, command string) string {
	t.Helper()
	m := regexp.MustCompile(`^db\.(\w+)\.(find|findOne|countDocuments)\((.*?)\)(\.data\.toString\(\))?$`).FindStringSubmatch(command)
	if m == nil {
		t.Fatalf("%s is more than one call", command)
	}
	arguments := regexp.MustCompile(`(\$?\w+):`).ReplaceAllString(m[3], `"$1":`)
	arguments = strings.ReplaceAll(arguments, "new Date()", `{"$date": "`+time.Now().UTC().Format("2006-01-02T15:04:05.000Z")+`"}`)
	var call struct{ Args []bson.D }
	if err := bson.UnmarshalExtJSON([]byte(`{"args": [`+arguments+`]}`), false, &call); err != nil {
		t.Fatalf("%s: %v", arguments, err)
	}
	client, err := mongo.Connect(backends.MongoOptions(p.Address))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) }() // only asked
	collection := client.Database("cloakroom").Collection(m[1])
	var found []bson.M
	if m[2] == "countDocuments" {
		n, err := collection.CountDocuments(t.Context(), call.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatInt(n, 10)
	}
	cursor, err := collection.Find(t.Context(), call.Args[0])
	if err == nil {
		err = cursor.All(t.Context(), &found)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m[4] == "" {
		return fmt.Sprint(found)
	}
	data, _ := found[0]["data"].(bson.Binary)
	return string(data.Data)
}
