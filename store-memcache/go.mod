module github.com/cloakroom-go/cloakroom/store-memcache

go 1.26.0

require (
	github.com/bradfitz/gomemcache v0.0.0-20230905024940-24af94b03874
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
)

replace github.com/cloakroom-go/cloakroom/core => ../core
