// Never tagged: nobody imports this module.
module github.com/cloakroom-go/cloakroom/benchmarks

go 1.26.0

require (
	github.com/alexedwards/scs/goredisstore v0.0.0-20250212122300-421ef1d8611c
	github.com/alexedwards/scs/pgxstore v0.0.0-20240316134038-7e11d57e8885
	github.com/alexedwards/scs/v2 v2.9.0
	github.com/boj/redistore v1.4.1
	github.com/bradfitz/gomemcache v0.0.0-20250403215159-8d39553ac7cf
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-file v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-memcache v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-mongo v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-postgres v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-redis v0.0.0-00010101000000-000000000000
	github.com/gofiber/fiber/v3 v3.4.0
	github.com/gofiber/storage/redis/v3 v3.4.3
	github.com/gorilla/sessions v1.4.0
	github.com/jackc/pgx/v5 v5.13.0
	github.com/redis/go-redis/v9 v9.23.0
	go.mongodb.org/mongo-driver/v2 v2.8.2
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/andybalholm/brotli v1.2.2 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/gofiber/schema v1.8.0 // indirect
	github.com/gofiber/utils/v2 v2.1.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-colorable v0.1.15 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/tinylib/msgp v1.6.4 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fasthttp v1.72.0 // indirect
	golang.org/x/net v0.56.0 // indirect
	modernc.org/libc v1.80.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

require (
	github.com/alexedwards/scs/mysqlstore v0.0.0-20250417082927-ab20b3feb5e9
	github.com/alexedwards/scs/sqlite3store v0.0.0-20251002162104-209de6e426de
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/cloakroom-go/cloakroom/store-sql v0.0.0-00010101000000-000000000000
	github.com/go-sql-driver/mysql v1.10.1
	github.com/gomodule/redigo v1.9.2 // indirect
	github.com/gorilla/securecookie v1.1.2 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.19.0 // indirect
	github.com/mattn/go-sqlite3 v1.14.53
	github.com/xdg-go/pbkdf2 v1.0.0 // indirect
	github.com/xdg-go/scram v1.2.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/crypto v0.53.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	modernc.org/sqlite v1.62.0
)

replace (
	github.com/cloakroom-go/cloakroom/core => ../core
	github.com/cloakroom-go/cloakroom/store-file => ../store-file
	github.com/cloakroom-go/cloakroom/store-memcache => ../store-memcache
	github.com/cloakroom-go/cloakroom/store-mongo => ../store-mongo
	github.com/cloakroom-go/cloakroom/store-postgres => ../store-postgres
	github.com/cloakroom-go/cloakroom/store-redis => ../store-redis
)

replace github.com/cloakroom-go/cloakroom/store-sql => ../store-sql
