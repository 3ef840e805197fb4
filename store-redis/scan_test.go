package redisstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// scannedOf returns what an iteration yields: ids, with a question mark behind the
// damaged ones, and the error that ended it.
func scannedOf(all iter.Seq2[sessionstore.Entry, error]) (ids []string, failed error) {
	for e, err := range all {
		switch {
		case err == nil:
			ids = append(ids, e.ID)
		case errors.Is(err, sessionstore.ErrCorrupt):
			ids = append(ids, e.ID+"?")
		default:
			failed = err
		}
	}
	return ids, failed
}

func TestScanYieldsEachLiveRecordOnceAndNamesTheDamagedOnes(t *testing.T) {
	t.Parallel()
	live, expired, foreign, list, gone, last := newID(), newID(), newID(), newID(), newID(), newID()
	dead := newRecord("")
	dead.Expires = dead.Expires.AddDate(-1, 0, 0)
	key := func(id string) string { return defaultKeyPrefix + id }
	d := &database{
		runIDs: []string{"a", "a"},
		pages: [][]string{
			{key(live), key(expired), key(foreign), key(list), key(gone)},
			{}, // with more to come
			{key(last[1:] + "!"), key(live), key(last + "x"), "other:" + last, key("subject:" + last), key(last), key(last)},
		},
		values: map[string]string{
			key(live): stored(live, newRecord("visitor")), key(expired): stored(expired, dead), key(foreign): bulk([]byte("damaged")),
			key(list): "-WRONGTYPE a list\r\n", key(gone): "$-1\r\n", key(last): stored(last, newRecord("")),
		},
	}
	store, _ := open(t, d.answer)
	got, err := scannedOf(store.Scan(t.Context()))
	if want := []string{live, foreign + "?", list + "?", last}; !slices.Equal(got, want) || err != nil {
		t.Errorf("Scan yields %q, %v, want %q", got, err, want)
	}
}

func TestScanIsNotCompleteIfTheServerWasReplaced(t *testing.T) {
	t.Parallel()
	store, id := openReplaced(t)
	got, err := scannedOf(store.Scan(t.Context()))
	if !slices.Equal(got, []string{id}) {
		t.Errorf("Scan yields %q, want the record", got)
	}
	wantError(t, "Scan", err, errReplaced)
}

func TestAnErrorEndsScan(t *testing.T) {
	t.Parallel()
	store := openStuck(t)
	got, err := scannedOf(store.Scan(t.Context()))
	if len(got) != 0 || err == nil || !strings.HasSuffix(err.Error(), "no luck") {
		t.Errorf("Scan yields %q, %v, want the error alone", got, err)
	}
}

func TestScanStopsWithItsCaller(t *testing.T) {
	t.Parallel()
	first, second := newID(), newID()
	d := &database{
		runIDs: []string{"a", "a"},
		pages:  [][]string{{defaultKeyPrefix + first}, {defaultKeyPrefix + second}},
		values: map[string]string{
			defaultKeyPrefix + first: stored(first, newRecord("")), defaultKeyPrefix + second: stored(second, newRecord("")),
		},
	}
	store, server := open(t, d.answer)
	for _, err := range store.Scan(t.Context()) {
		wantError(t, "Scan", err, nil)
		break
	}
	if n := len(server.argsOf("scan")); n != 1 {
		t.Errorf("%d pages were asked for, want 1", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := scannedOf(store.Scan(ctx)); len(got) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %q, %v", got, err)
	}
}
