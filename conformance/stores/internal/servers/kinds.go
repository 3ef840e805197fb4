package servers

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// A Kind is a kind of server.
type Kind struct {
	Name     string   // in CLOAKROOM_REQUIRE
	AddrEnv  string   // the variable with the address of a server that runs
	ImageEnv string   // the variable with other images
	Images   []string // the official ones

	port string            // of the server in a container
	env  map[string]string // of the container
	args []string          // for the image's entrypoint

	// shell, if it is set, starts the server instead of the image's entrypoint or
	// the binary. It gets the arguments and, in the environment, where to listen
	// (LISTEN and PORT) and where to write (DIR).
	shell string

	binaries []string                                                               // its names on the PATH
	notRoot  bool                                                                   // refuses to run as root
	process  func(ctx context.Context, dir, port string) (args []string, err error) // to run the binary

	url func(addr string) string
	ask func(ctx context.Context, url string) (name, version string, err error)

	once   sync.Once
	shared []*shared
}

// loopback is where servers listen that are not in a container.
const loopback = "127.0.0.1"

func same(addr string) string { return addr }

// Redis also stands for servers that are compatible with it.
var Redis = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     "redis",
	AddrEnv:  "CLOAKROOM_REDIS_ADDR",
	ImageEnv: "CLOAKROOM_REDIS_IMAGE",
	Images:   []string{"redis:7", "redis:8", "valkey/valkey:9"},
	port:     "6379",
	args:     []string{"--protected-mode", "no", "--save", ""},
	binaries: []string{"redis-server", "valkey-server"},
	process: func(_ context.Context, dir, port string) ([]string, error) {
		return []string{"--port", port, "--bind", loopback, "--dir", dir, "--save", ""}, nil
	},
	url: same,
	ask: askRedis,
}

// redisNode is one of several Redis servers. It can crash and come back by itself, which
// takes its full path.
var redisNode = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     Redis.Name,
	AddrEnv:  Redis.AddrEnv,
	ImageEnv: Redis.ImageEnv,
	Images:   Redis.Images,
	port:     Redis.port,
	shell: `exec "$(command -v redis-server || command -v valkey-server)" \
		--port "$PORT" --bind "$LISTEN" --dir "$DIR" --protected-mode no --save "" "$@"`,
	binaries: Redis.binaries,
	process:  func(context.Context, string, string) ([]string, error) { return nil, nil },
	url:      same,
	ask:      askRedis,
}

// Sentinel is a Redis Sentinel. Arguments are lines of its configuration.
var Sentinel = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     "sentinel",
	AddrEnv:  "CLOAKROOM_SENTINEL_ADDR",
	ImageEnv: "CLOAKROOM_REDIS_IMAGE",
	Images:   []string{"redis:7"},
	port:     "26379",
	shell: `printf '%s\n' "port $PORT" "dir $DIR" "$@" >"$DIR/sentinel.conf" &&
		exec "$(command -v redis-sentinel || command -v valkey-sentinel)" "$DIR/sentinel.conf"`,
	binaries: []string{"redis-sentinel", "valkey-sentinel"},
	process:  func(context.Context, string, string) ([]string, error) { return nil, nil },
	url:      same,
	ask:      askRedis,
}

func askRedis(ctx context.Context, url string) (name, version string, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", url) // the client would log each attempt
	if err != nil {
		return "", "", err //nolint:wrapcheck // the caller says what failed
	}
	_ = conn.Close()
	client := redis.NewClient(&redis.Options{Addr: url, MaxRetries: -1})
	defer func() { _ = client.Close() }() // only asked
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return "", "", err //nolint:wrapcheck // the caller says what failed
	}
	for line := range strings.Lines(info) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ":"); key {
		case "redis_version":
			if name == "" {
				name, version = "Redis", value
			}
		case "valkey_version": // beside the version of Redis that it is compatible with
			name, version = "Valkey", value
		}
	}
	return name, version, nil
}

// Memcached is a single server; several make up a pool.
var Memcached = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     "memcache",
	AddrEnv:  "CLOAKROOM_MEMCACHE_ADDR",
	ImageEnv: "CLOAKROOM_MEMCACHE_IMAGE",
	Images:   []string{"memcached:1.6"},
	port:     "11211",
	binaries: []string{"memcached"},
	notRoot:  true,
	process: func(_ context.Context, _, port string) ([]string, error) {
		return []string{"-l", loopback, "-p", port, "-U", "0"}, nil
	},
	url: same,
	ask: askMemcached,
}

func askMemcached(ctx context.Context, url string) (name, version string, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", url)
	if err != nil {
		return "", "", err //nolint:wrapcheck // the caller says what failed
	}
	defer func() { _ = conn.Close() }() // only asked
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // what fails then is the read
	}
	if _, err := conn.Write([]byte("version\r\n")); err != nil {
		return "", "", err //nolint:wrapcheck // the caller says what failed
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	version, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION ")
	if err == nil && !ok {
		err = fmt.Errorf("unexpected answer %q", line)
	}
	return "memcached", version, err
}

const (
	postgresName     = "postgres" // of the kind, the program, the user and the database
	postgresPassword = "cloakroom"
)

// Postgres has a database postgres whose owner the URL names. It leaves it to the
// system when what is committed reaches the disk: no test cuts the power, and other
// tests keep the disk busy.
var Postgres = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     postgresName,
	AddrEnv:  "CLOAKROOM_POSTGRES_DSN",
	ImageEnv: "CLOAKROOM_POSTGRES_IMAGE",
	Images:   []string{"postgres:15", "postgres:18"},
	port:     "5432",
	env:      map[string]string{"POSTGRES_PASSWORD": postgresPassword},
	args: []string{
		"-c", "max_connections=300", "-c", "fsync=off",
		"-c", "shared_preload_libraries=pg_stat_statements",
	},
	binaries: []string{postgresName},
	notRoot:  true,
	process:  postgresProcess,
	url:      postgresURL,
	ask:      askPostgres,
}

func postgresURL(addr string) string {
	return "postgres://" + postgresName + ":" + postgresPassword + "@" + addr + "/postgres?sslmode=disable"
}

func askPostgres(ctx context.Context, url string) (name, version string, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", "", err //nolint:wrapcheck // the caller says what failed
	}
	defer func() { _ = conn.Close(ctx) }() // only asked
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version')", pgx.QueryExecModeExec).Scan(&version)
	version, _, _ = strings.Cut(version, " ")
	return "PostgreSQL", version, err //nolint:wrapcheck // the caller says what failed
}

// postgresProcess makes a database cluster in dir unless there is one.
func postgresProcess(ctx context.Context, dir, port string) ([]string, error) {
	data := filepath.Join(dir, "data")
	args := []string{
		"-D", data, "-p", port, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300", "-c", "fsync=off",
		"-c", "shared_preload_libraries=pg_stat_statements",
	}
	if _, err := os.Stat(data); err == nil {
		return args, nil
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(postgresPassword), 0o644); err != nil { //nolint:gosec // read by another user; no secret
		return nil, fmt.Errorf("password for initdb: %w", err)
	}
	init := unprivileged([]string{
		"initdb", "-D", data, "-U", postgresName, "--pwfile", password, "--auth", "scram-sha-256", "--no-sync",
	})
	if out, err := exec.CommandContext(ctx, init[0], init[1:]...).CombinedOutput(); err != nil { //nolint:gosec // a known program
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return args, nil
}

// PgBouncer stands in front of a PostgreSQL server. Arguments are lines of its
// configuration, of which the last section is [pgbouncer].
var PgBouncer = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     "pgbouncer",
	AddrEnv:  "CLOAKROOM_PGBOUNCER_ADDR",
	ImageEnv: "CLOAKROOM_PGBOUNCER_IMAGE",
	port:     "6432",
	shell: `printf '%s\n' "$@" "listen_port = $PORT" "listen_addr = $LISTEN" "auth_type = any" \
		"unix_socket_dir =" "ignore_startup_parameters = extra_float_digits" >"$DIR/pgbouncer.ini" &&
		exec pgbouncer "$DIR/pgbouncer.ini"`,
	binaries: []string{"pgbouncer"},
	notRoot:  true,
	process:  func(context.Context, string, string) ([]string, error) { return nil, nil },
	url:      postgresURL,
	ask:      askPostgres,
}

// Standby is a PostgreSQL server that follows another, whose host and port are its
// arguments. When it is started again, it begins as a copy of that one.
var Standby = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     postgresName,
	AddrEnv:  Postgres.AddrEnv,
	ImageEnv: Postgres.ImageEnv,
	Images:   Postgres.Images,
	port:     Postgres.port,
	shell: `export PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null)" PGPASSWORD=` + postgresPassword + `
		as=; if [ "$(id -u)" = 0 ]; then mkdir -p "$DIR/standby" && chown postgres "$DIR/standby" && as="runuser -u postgres --"; fi
		rm -rf "$DIR/standby/data" &&
		$as pg_basebackup -h "$1" -p "$2" -U ` + postgresName + ` -D "$DIR/standby/data" -R -X stream -c fast --no-sync &&
		exec $as postgres -D "$DIR/standby/data" -p "$PORT" -k "$DIR/standby" -c listen_addresses="$LISTEN" \
			-c max_connections=300 -c fsync=off -c hot_standby=on`,
	binaries: Postgres.binaries,
	notRoot:  true,
	process:  func(context.Context, string, string) ([]string, error) { return nil, nil },
	url:      postgresURL,
	ask:      askPostgres,
}

// Mongo is MongoDB, or a server that speaks its protocol.
var Mongo = &Kind{ //nolint:gochecknoglobals // a constant
	Name:     "mongo",
	AddrEnv:  "CLOAKROOM_MONGO_URI",
	ImageEnv: "CLOAKROOM_MONGO_IMAGE",
	Images:   []string{"mongo:7", "mongo:8"},
	port:     "27017",
	args:     []string{"--setParameter", "enableTestCommands=1"}, // so that faults can be arranged
	binaries: []string{"mongod"},
	process: func(_ context.Context, dir, port string) ([]string, error) {
		return []string{"--bind_ip", loopback, "--port", port, "--dbpath", dir, "--setParameter", "enableTestCommands=1"}, nil
	},
	url: func(addr string) string { return "mongodb://" + addr + "/?directConnection=true" },
	ask: askMongo,
}

func askMongo(ctx context.Context, url string) (name, version string, err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(url))
	if err != nil {
		return "", "", err //nolint:wrapcheck // the caller says what failed
	}
	defer func() { _ = client.Disconnect(ctx) }() // only asked
	var info struct {
		Version         string
		SecantusVersion string `bson:"secantusVersion"`
		FerretVersion   string `bson:"ferretdbVersion"`
	}
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&info)
	if info.SecantusVersion != "" {
		return "SecantusDB " + info.SecantusVersion + ", a stand-in for MongoDB", info.Version, err //nolint:wrapcheck // the same
	}
	if info.FerretVersion != "" {
		return "FerretDB " + info.FerretVersion + ", which is no MongoDB", info.Version, err //nolint:wrapcheck // the same
	}
	return "MongoDB", info.Version, err //nolint:wrapcheck // the same
}
