module github.com/cloakroom-go/cloakroom/conformance

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
)

replace github.com/cloakroom-go/cloakroom/core => ../core
