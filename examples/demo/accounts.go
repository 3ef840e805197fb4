package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// A role says what an account may do. It is looked up at each request and kept in
// no session: what was taken away is gone at once.
type role string

const (
	customer      role = "customer"
	administrator role = "administrator"
)

// An account is somebody who can sign in. Its ID never changes and is what
// sessions know; everything else may change.
type account struct {
	ID, Name, Login string
	Role            role
	password        passwordHash
}

// Home is the dashboard of the account's role.
func (a account) Home() string {
	if a.Role == administrator {
		return "/admin"
	}
	return "/dashboard"
}

// authHash changes with the password; see session.Session.SetAuthHash.
func (a account) authHash() string {
	return base64.RawStdEncoding.EncodeToString(slices.Concat(a.password.salt, a.password.key))
}

// A passwordHash is made by Argon2id with OWASP's parameters (Password Storage
// Cheat Sheet): 19 MiB, two passes.
type passwordHash struct{ salt, key []byte }

// hashMemory is in KiB. Only tests take less.
var hashMemory uint32 = 19 << 10

func hashPassword(password string, salt []byte) passwordHash {
	return passwordHash{salt, argon2.IDKey([]byte(password), salt, 2, hashMemory, 1, 32)}
}

func newSalt() []byte {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	return salt
}

// accounts stand for the shop's database. They are safe for concurrent use.
type accounts struct {
	hashing chan struct{} // bounds the memory that guests can make us use
	nobody  account       // stands in for one that is not known

	mu   sync.RWMutex
	list []account
}

// A seed is an account that is there from the start. Its password is shown on the
// sign-in page, as no real one is.
type seed struct {
	ID, Name, Login, Password string
	Role                      role
}

var seeds = []seed{
	{"1001", "Ada Okafor", "ada", "velvet-hanger", customer},
	{"1002", "Bruno Silva", "bruno", "brass-button", administrator},
}

// seeded hashes the passwords once in a process: that is meant to be slow.
var seeded = sync.OnceValue(func() (list []account) {
	for _, s := range seeds {
		// The sessions are tied to the hash and outlive the process, so that it has to
		// be the same in the next one. A database keeps it, with a salt at random.
		salt := sha256.Sum256([]byte("cloakroom demo " + s.ID))
		list = append(list, account{s.ID, s.Name, s.Login, s.Role, hashPassword(s.Password, salt[:16])})
	}
	return list
})

var nobody = sync.OnceValue(func() account {
	return account{password: hashPassword(rand.Text(), newSalt())}
})

func newAccounts() *accounts {
	return &accounts{hashing: make(chan struct{}, 2), nobody: nobody(), list: slices.Clone(seeded())}
}

// all returns every account.
func (a *accounts) all() []account {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return slices.Clone(a.list)
}

func (a *accounts) find(match func(*account) bool) (account, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for i := range a.list {
		if match(&a.list[i]) {
			return a.list[i], true
		}
	}
	return a.nobody, false
}

func (a *accounts) byID(id string) (account, bool) {
	return a.find(func(x *account) bool { return x.ID == id })
}

// change lets f change the account that has this ID.
func (a *accounts) change(id string, f func(*account)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.list {
		if a.list[i].ID == id {
			f(&a.list[i])
		}
	}
}

// verify returns the account of that login and password, and whether they match.
// It takes as long for a login that doesn't exist, so that nobody can find out
// which ones do. An error says that ctx was done first, or maxWait over.
func (a *accounts) verify(ctx context.Context, login, password string) (account, bool, error) {
	found, known := a.find(func(x *account) bool { return x.Login == login })
	hash, err := a.hash(ctx, password, found.password.salt)
	if err != nil {
		return account{}, false, err
	}
	match := subtle.ConstantTimeCompare(hash.key, found.password.key) == 1
	return found, match && known, nil
}

// setPassword returns the account with its new password. If the one that old was checked
// with is another by now, it returns errWrong. In a database, this is a condition of the
// UPDATE.
func (a *accounts) setPassword(ctx context.Context, old account, password string) (changed account, err error) {
	hash, err := a.hash(ctx, password, newSalt())
	if err != nil {
		return account{}, err
	}
	err = errWrong
	a.change(old.ID, func(x *account) {
		if slices.Equal(x.password.key, old.password.key) {
			x.password = hash
			changed, err = *x, nil
		}
	})
	return changed, err
}

// maxWait is how long a password waits to be looked at: there is still time to say that
// it was not.
const maxWait = 10 * time.Second

// hash waits for its turn.
func (a *accounts) hash(ctx context.Context, password string, salt []byte) (passwordHash, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
		return hashPassword(password, salt), nil
	case <-ctx.Done():
		return passwordHash{}, ctx.Err()
	}
}
