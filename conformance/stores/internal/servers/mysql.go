package servers

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const (
	mysqlUser     = "root"
	mysqlPassword = "cloakroom"
	mysqlDatabase = "cloakroom"
)

// MySQL also stands for MariaDB. It has a database cloakroom, which the DSN names
// along with the administrator. It leaves it to the system when what is committed
// reaches the disk: no test cuts the power, and other tests keep the disk busy.
var MySQL = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     "mysql",
	AddrEnv:  "CLOAKROOM_MYSQL_DSN",
	ImageEnv: "CLOAKROOM_MYSQL_IMAGE",
	Images:   []string{"mysql:8.4", "mysql:9", "mariadb:10.11", "mariadb:11.8"},
	port:     "3306",
	env:      map[string]string{"MYSQL_ROOT_PASSWORD": mysqlPassword, "MYSQL_DATABASE": mysqlDatabase},
	args:     mysqlArgs,
	binaries: []string{"mariadbd", "mysqld"},
	notRoot:  true,
	process:  mysqlProcess,
	url: func(addr string) string {
		return mysqlUser + ":" + mysqlPassword + "@tcp(" + addr + ")/" + mysqlDatabase + "?interpolateParams=true&maxAllowedPacket=0"
	},
	ask: askMySQL,
}

var mysqlArgs = []string{"--max-connections=300", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--skip-name-resolve"}

func askMySQL(ctx context.Context, url string) (name, version string, err error) {
	config, err := mysql.ParseDSN(url)
	if err != nil {
		return "", "", err //nolint:wrapcheck // the caller says what failed
	}
	config.Logger = log.New(io.Discard, "", 0) // the server is not there yet
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return "", "", err //nolint:wrapcheck // the same
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }() // only asked
	err = db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version)
	name = "MySQL"
	if strings.Contains(version, "MariaDB") {
		name = "MariaDB"
	}
	version, _, _ = strings.Cut(version, "-")
	return name, version, err //nolint:wrapcheck // the same
}

// mysqlProcess makes a database in dir unless there is one.
func mysqlProcess(ctx context.Context, dir, port string) ([]string, error) {
	data, setup := filepath.Join(dir, "data"), filepath.Join(dir, "setup.sql")
	base := []string{"--no-defaults", "--datadir=" + data}
	args := slices.Concat(base, []string{
		"--port=" + port, "--bind-address=" + loopback,
		"--socket=" + filepath.Join(dir, "socket"), "--pid-file=" + filepath.Join(dir, "pid"), "--init-file=" + setup,
	}, mysqlArgs)
	if _, err := os.Stat(data); err == nil {
		return args, nil
	}
	const statements = "CREATE DATABASE IF NOT EXISTS " + mysqlDatabase + ";\n" +
		"CREATE USER IF NOT EXISTS " + mysqlUser + "@'%' IDENTIFIED BY '" + mysqlPassword + "';\n" +
		"ALTER USER IF EXISTS " + mysqlUser + "@'127.0.0.1' IDENTIFIED BY '" + mysqlPassword + "';\n" +
		"GRANT ALL ON *.* TO " + mysqlUser + "@'%' WITH GRANT OPTION;\n"
	if err := os.WriteFile(setup, []byte(statements), 0o644); err != nil { //nolint:gosec // read by another user; no secret
		return nil, fmt.Errorf("statements for the server: %w", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // written by another user
		return nil, fmt.Errorf("folder for the server: %w", err)
	}
	install := slices.Concat([]string{"mariadb-install-db"}, base, []string{"--skip-test-db", "--auth-root-authentication-method=normal"})
	if _, err := exec.LookPath(install[0]); err != nil {
		install = slices.Concat([]string{"mysqld"}, base, []string{"--initialize-insecure"})
	}
	if os.Getuid() == 0 {
		install = append([]string{"runuser", "-u", "nobody", "--"}, install...)
	}
	if out, err := exec.CommandContext(ctx, install[0], install[1:]...).CombinedOutput(); err != nil { //nolint:gosec // a known program
		return nil, fmt.Errorf("%s: %w: %s", install[0], err, out)
	}
	return args, nil
}
