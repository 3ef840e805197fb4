module github.com/cloakroom-go/cloakroom/cmd/cloakroom

go 1.26.0

require (
	github.com/bradfitz/gomemcache v0.0.0-20230905024940-24af94b03874
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-file v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-memcache v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-mongo v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-postgres v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-redis v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-sql v0.0.0-00010101000000-000000000000
	github.com/go-sql-driver/mysql v1.10.1
	github.com/jackc/pgx/v5 v5.13.0
	github.com/redis/go-redis/v9 v9.6.3
	go.mongodb.org/mongo-driver/v2 v2.8.2
	modernc.org/sqlite v1.62.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/cespare/xxhash/v2 v2.2.0 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.18.7 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/xdg-go/pbkdf2 v1.0.0 // indirect
	github.com/xdg-go/scram v1.2.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	golang.org/x/crypto v0.52.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	modernc.org/libc v1.80.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

replace (
	github.com/cloakroom-go/cloakroom/core => ../../core
	github.com/cloakroom-go/cloakroom/store-file => ../../store-file
	github.com/cloakroom-go/cloakroom/store-memcache => ../../store-memcache
	github.com/cloakroom-go/cloakroom/store-mongo => ../../store-mongo
	github.com/cloakroom-go/cloakroom/store-postgres => ../../store-postgres
	github.com/cloakroom-go/cloakroom/store-redis => ../../store-redis
	github.com/cloakroom-go/cloakroom/store-sql => ../../store-sql
)
