package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"sync"

	"golang.org/x/crypto/argon2"
)

// An account is somebody who can sign in. Its ID never changes and is what
// sessions know; a name may change.
type account struct {
	ID, Name string
	login    string
	salt     []byte
	hash     []byte
}

// accounts are read-only and safe for concurrent use.
type accounts struct {
	list    []account
	nobody  account       // stands in for one that is not known
	hashing chan struct{} // bounds the memory that guests can make us use
}

// A demoAccount is shown on the sign-in page, as no real one is.
type demoAccount struct{ ID, Name, Login, Password string }

var demo = []demoAccount{
	{"1001", "Ada Okafor", "ada", "velvet-hanger"},
	{"1002", "Bruno Silva", "bruno", "brass-button"},
}

// demoAccounts hashes the passwords once in a process: that is meant to be slow.
var demoAccounts = sync.OnceValue(func() *accounts {
	a := &accounts{nobody: newAccount(demoAccount{Password: rand.Text()}), hashing: make(chan struct{}, 2)}
	for _, d := range demo {
		a.list = append(a.list, newAccount(d))
	}
	return a
})

func newAccount(d demoAccount) account {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	return account{ID: d.ID, Name: d.Name, login: d.Login, salt: salt, hash: hashPassword(d.Password, salt)}
}

// hashPassword uses Argon2id with OWASP's parameters (Password Storage Cheat
// Sheet): 19 MiB, two passes.
func hashPassword(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, 2, 19<<10, 1, 32)
}

func (a *accounts) byID(id string) *account {
	for i := range a.list {
		if a.list[i].ID == id {
			return &a.list[i]
		}
	}
	return nil
}

// verify returns the account of that login and password, or nil if they don't
// match. It takes as long for a login that doesn't exist, so that nobody can
// find out which ones do. An error says that ctx was done first.
func (a *accounts) verify(ctx context.Context, login, password string) (*account, error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	found := &a.nobody
	for i := range a.list {
		if a.list[i].login == login {
			found = &a.list[i]
		}
	}
	match := subtle.ConstantTimeCompare(hashPassword(password, found.salt), found.hash) == 1
	if !match || found == &a.nobody {
		return nil, nil //nolint:nilnil // documented: no such account is not an error
	}
	return found, nil
}
