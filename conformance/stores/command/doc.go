// Package command tests the operator's command cmd/cloakroom, as a program, against real
// servers.
package command
