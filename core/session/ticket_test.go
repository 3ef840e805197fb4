package session

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// noStore stands where no store call is expected.
type noStore struct{}

func (noStore) Load(context.Context, string) (sessionstore.Record, error) { panic("Load") }
func (noStore) Create(context.Context, string, sessionstore.Record) error { panic("Create") }
func (noStore) Update(context.Context, string, sessionstore.Version, sessionstore.Record) error {
	panic("Update")
}
func (noStore) Delete(context.Context, string) error { panic("Delete") }

func ticketManager(tb testing.TB, o Options) *Manager {
	tb.Helper()
	if o.Signer == nil {
		o.Keys = [][]byte{GenerateKey()}
	}
	o.Logger = slog.New(slog.DiscardHandler)
	m, err := New(noStore{}, o)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestATicketGivesItsTokenBack(t *testing.T) {
	t.Parallel()
	m := ticketManager(t, Options{})
	want := newToken()
	got, ok := m.verify(m.ticket(&want), new([64]byte))
	if !ok || got != want {
		t.Error("a ticket that we signed does not verify")
	}
}

func TestEveryBitOfATicketCounts(t *testing.T) {
	t.Parallel()
	m := ticketManager(t, Options{})
	token := newToken()
	ticket := m.ticket(&token)
	for i := range ticket {
		for bit := range 8 {
			b := []byte(ticket)
			b[i] ^= 1 << bit
			if _, ok := m.verify(string(b), new([64]byte)); ok {
				t.Errorf("with bit %d of byte %d flipped it still verifies", bit, i)
			}
		}
	}
	for n := range ticket {
		if _, ok := m.verify(ticket[:n], new([64]byte)); ok {
			t.Errorf("cut to %d bytes it still verifies", n)
		}
	}
}

func TestATicketIsWorthNothingUnderAnotherNameOrKey(t *testing.T) {
	t.Parallel()
	m := ticketManager(t, Options{})
	token := newToken()
	ticket := m.ticket(&token)
	if _, ok := ticketManager(t, Options{}).verify(ticket, new([64]byte)); ok {
		t.Error("it verifies under another key")
	}
	other := *m
	other.purpose = "cookie __Host-other"
	if _, ok := other.verify(ticket, new([64]byte)); ok {
		t.Error("it verifies under another cookie's name")
	}
}

// looseSigner takes everything for its own.
type looseSigner struct{}

func (looseSigner) Sign(string, []byte) []byte         { return make([]byte, 32) }
func (looseSigner) Verify(string, []byte, []byte) bool { return true }

func TestTheFormOfATicketIsCheckedWhateverTheSigner(t *testing.T) {
	t.Parallel()
	m := ticketManager(t, Options{Signer: looseSigner{}})
	var token token
	good := m.ticket(&token)
	for name, ticket := range map[string]string{
		"line break in the token":        good[:20] + "\n" + good[21:],
		"line breaks for a token":        strings.Repeat("\r\n", 21) + "\n" + good[43:],
		"trailing bits":                  good[:42] + "_" + good[43:],
		"standard alphabet":              strings.Repeat("+", 42) + "8" + good[43:],
		"padding in the token":           good[:42] + "=" + good[43:],
		"longer than any ticket of ours": good + strings.Repeat("A", maxTicketLen),
	} {
		if _, ok := m.verify(ticket, new([64]byte)); ok {
			t.Errorf("%s: it is a ticket", name)
		}
	}
}

func FuzzVerify(f *testing.F) {
	m := ticketManager(f, Options{})
	token := newToken()
	good := m.ticket(&token)
	f.Add(good)
	f.Add(good + "\n")
	f.Add(good[:44])
	f.Add(good[:43] + "." + good[:43])
	f.Add(strings.Repeat(".", 87))
	f.Add("")
	f.Fuzz(func(t *testing.T, ticket string) {
		got, ok := m.verify(ticket, new([64]byte))
		if ok && got != token {
			t.Errorf("a ticket that we did not sign verifies: %q", ticket)
		}
	})
}

// What is in stores now has to be found for ever.
func TestWhatIsDerivedFromATokenIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	var zero token
	// { printf 'cloakroom session id\0'; head -c 16 /dev/zero; } | sha256sum, in base64url;
	// for the others "cloakroom ticket" and "cloakroom ticket seed", of 32 zero bytes, cut
	// to 16, in hexadecimal.
	if got, want := zero.id(), "QeyRG-etD_BkfZo4ByAirlctnLzLyqVrG7h2TOoEgq8"; got != want {
		t.Errorf("id %q, want %q", got, want)
	}
	hash, seed := zero.hash(), zero.seed()
	if got, want := hex.EncodeToString(hash[:]), "50f67723d4592c4144a21747caca7d43"; got != want {
		t.Errorf("hash %q, want %q", got, want)
	}
	if got, want := hex.EncodeToString(seed[:]), "0dd15f4b1b97772a4424640fe10dd4b5"; got != want {
		t.Errorf("seed %q, want %q", got, want)
	}
}

func TestTheTicketsOfASessionHaveOneIDAndSecretsOfTheirOwn(t *testing.T) {
	t.Parallel()
	first := newToken()
	if err := sessionstore.CheckID(first.id()); err != nil {
		t.Error(err)
	}
	if first.id() == base64.RawURLEncoding.EncodeToString(first[:]) {
		t.Error("the id is the token")
	}
	second := first.sibling()
	if first == second || first.id() != second.id() {
		t.Error("a sibling is no other ticket of the same session")
	}
	if first.hash() == second.hash() || first.seed() == second.seed() {
		t.Error("what the two tickets derive is the same")
	}
	other := newToken()
	copy(other[tokenHalf:], first[tokenHalf:])
	if first.id() == other.id() || first.hash() == other.hash() {
		t.Error("the second half alone decides")
	}
	if got, ok := first.seed(), first.hash(); [16]byte(ok) == got {
		t.Error("the hash, which the record knows, is the seed")
	}
}
