package session_test

import (
	"bytes"
	"encoding/base64"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestAStoreNeverSeesTheToken(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	r, err := e.record(v)
	if err != nil {
		t.Fatal(err)
	}
	if id := v.id(); id == v.cookie.Value[:43] || len(id) != sessionstore.IDLen {
		t.Errorf("id %q for ticket %q", id, v.cookie.Value)
	}
	dump := sessionstore.AppendRecord(nil, v.id(), r)
	for _, part := range []string{v.cookie.Value[:43], v.cookie.Value[44:]} {
		if bytes.Contains(dump, []byte(part)) {
			t.Error("the record holds the ticket")
		}
	}
}

func TestTheStoreSeesNoTokenAcrossARenewal(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*session.Options){
		"plain":  func(*session.Options) {},
		"sealed": sealed(t, session.GenerateKey()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, l := newIndexedEnv(t, renewing, configure)
				v := e.login("ann", count)
				held := []*visitor{v.fork()}
				for range 3 {
					pass(renewEvery)
					v.do(count)
					held = append(held, v.fork())
				}
				v.do(authenticate)
				held = append(held, v.fork())
				v.do(destroy)
				stored := bytes.Join(l.data, nil)
				for _, v := range held {
					text := v.cookie.Value
					token, err := base64.RawURLEncoding.DecodeString(text[:43])
					if err != nil {
						t.Fatal(err)
					}
					for _, secret := range [][]byte{token[:16], token[16:], []byte(text[:43]), []byte(text[44:])} {
						if bytes.Contains(stored, secret) {
							t.Error("the store was given a token or a signature")
						}
					}
				}
			})
		})
	}
}
