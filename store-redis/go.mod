module github.com/cloakroom-go/cloakroom/store-redis

go 1.26.0

require (
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
	github.com/redis/go-redis/v9 v9.6.3
)

require (
	github.com/cespare/xxhash/v2 v2.2.0 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
)

replace github.com/cloakroom-go/cloakroom/core => ../core
