module github.com/cloakroom-go/cloakroom/examples

go 1.26.0

require (
	github.com/cloakroom-go/cloakroom/conformance v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
	github.com/cloakroom-go/cloakroom/store-file v0.0.0-00010101000000-000000000000
	go.etcd.io/bbolt v1.5.0
	golang.org/x/crypto v0.52.0
)

require (
	github.com/anishathalye/porcupine v1.3.1 // indirect
	golang.org/x/sys v0.45.0 // indirect
)

replace (
	github.com/cloakroom-go/cloakroom/conformance => ../conformance
	github.com/cloakroom-go/cloakroom/core => ../core
	github.com/cloakroom-go/cloakroom/store-file => ../store-file
)
