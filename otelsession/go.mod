module github.com/cloakroom-go/cloakroom/otelsession

go 1.26.0

require (
	github.com/cloakroom-go/cloakroom/core v0.0.0-00010101000000-000000000000
	go.opentelemetry.io/otel v1.20.0
	go.opentelemetry.io/otel/metric v1.20.0
	go.opentelemetry.io/otel/trace v1.20.0
)

require (
	github.com/go-logr/logr v1.3.0 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
)

replace github.com/cloakroom-go/cloakroom/core => ../core
