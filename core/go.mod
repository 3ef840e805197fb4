module github.com/cloakroom-go/cloakroom/core

go 1.26.0
