package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestParseKeysReadsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	var first, second strings.Builder
	for _, w := range []*strings.Builder{&first, &second} {
		if err := printKey(w); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := session.ParseKeys(first.String() + "," + second.String())
	if err != nil || len(keys) != 2 || bytes.Equal(keys[0], keys[1]) {
		t.Errorf("ParseKeys of two keys: %d keys, %v; want two that differ", len(keys), err)
	}
}
