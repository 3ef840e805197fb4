module github.com/cloakroom-go/cloakroom/store-file

go 1.26.0

require github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000

require golang.org/x/sys v0.44.0

replace github.com/cloakroom-go/cloakroom/core => ../core
