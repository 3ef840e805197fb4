module github.com/cloakroom-go/cloakroom/store-sql

go 1.26.0

require github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000

replace github.com/cloakroom-go/cloakroom/core => ../core
