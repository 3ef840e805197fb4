module github.com/cloakroom-go/cloakroom/examples

go 1.26.0

require (
	github.com/alicebob/miniredis/v2 v2.40.0
	github.com/bradfitz/gomemcache v0.0.0-20230905024940-24af94b03874
	github.com/cloakroom-go/cloakroom/conformance v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-file v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-memcache v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-redis v0.0.0-00010101000000-000000000000
	github.com/redis/go-redis/v9 v9.23.0
	go.etcd.io/bbolt v1.5.0
	golang.org/x/crypto v0.52.0
)

require (
	github.com/anishathalye/porcupine v1.3.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace (
	github.com/cloakroom-go/cloakroom/conformance => ../conformance
	github.com/cloakroom-go/cloakroom/core => ../core
	github.com/cloakroom-go/cloakroom/store-file => ../store-file
	github.com/cloakroom-go/cloakroom/store-memcache => ../store-memcache
	github.com/cloakroom-go/cloakroom/store-redis => ../store-redis
)
