package session_test

import (
	"errors"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestCheckFindsAStoreThatCanNotBeUsed(t *testing.T) {
	t.Parallel()
	for _, o := range []op{opCreate, opLoad, opUpdate, opDelete} {
		e := newEnv(t)
		if err := e.m.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if calls := e.store.taken(); calls[opCreate] != 1 || calls[opDelete] != 1 {
			t.Errorf("calls %v: it leaves records behind", calls)
		}
		e.store.fail(errDown, o)
		if err := e.m.Check(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("%s fails: %v, want the store's error", o, err)
		}
	}
	m, err := session.NewCookieOnly(session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Check(t.Context()); err != nil {
		t.Errorf("without a store: %v", err)
	}
}
