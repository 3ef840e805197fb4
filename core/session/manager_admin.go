package session

import (
	"context"
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An Admin lists and ends sessions as a [Manager] does, and needs no keys: it takes no
// requests, and so makes and verifies no tickets. A program for operators has one, which
// then need not get at the application's secrets. It is safe for concurrent use.
type Admin struct{ m *Manager }

// NewAdmin returns an Admin of the sessions in store. Hand it the application's
// [Options] without Keys and Signer; of the others IdleTimeout, AbsoluteTimeout,
// StoreTimeout, Sealer, Codec, Logger and OnEvent count. Where a Sealer was left out that
// the application has, sessions can be ended but not read.
func NewAdmin(store Store, o Options) (*Admin, error) {
	if isNil(store) {
		return nil, errors.New("session: NewAdmin: store is nil; hand it the application's")
	}
	o.Keys, o.Signer = [][]byte{GenerateKey()}, nil // it signs nothing
	m, err := New(store, o)
	if err != nil {
		return nil, err
	}
	return &Admin{m}, nil
}

// Check is [Manager.Check].
func (a *Admin) Check(ctx context.Context) error { return a.m.Check(ctx) }

// Describe is [Manager.Describe].
func (a *Admin) Describe(e sessionstore.Entry) (Info, error) { return a.m.Describe(e) }

// List is [Manager.List].
func (a *Admin) List(ctx context.Context, subject string) ([]Info, error) {
	return a.m.List(ctx, subject)
}

// End is [Manager.End].
func (a *Admin) End(ctx context.Context, subject, id string) error { return a.m.End(ctx, subject, id) }

// EndIf is [Manager.EndIf].
func (a *Admin) EndIf(ctx context.Context, subject string, match func(Info) bool) (int, error) {
	return a.m.EndIf(ctx, subject, match)
}

// EndSubject is [Manager.EndSubject].
func (a *Admin) EndSubject(ctx context.Context, subject string) (int, error) {
	return a.m.EndSubject(ctx, subject)
}

// EndEverybody is [Manager.EndEverybody].
func (a *Admin) EndEverybody(ctx context.Context) (int, error) { return a.m.EndEverybody(ctx) }

// RunPruner is [Manager.RunPruner].
func (a *Admin) RunPruner(ctx context.Context, every time.Duration) error {
	return a.m.RunPruner(ctx, every)
}
