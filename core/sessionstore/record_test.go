package sessionstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestCheckersRefuseWhatTheContractForbids(t *testing.T) {
	t.Parallel()
	tomorrow := time.Now().Add(24 * time.Hour)
	for name, err := range map[string]error{
		"id too short":        sessionstore.CheckID(anID[1:]),
		"id too long":         sessionstore.CheckID(anID + "a"),
		"id with a slash":     sessionstore.CheckID("/" + anID[1:]),
		"id with a dot":       sessionstore.CheckID("." + anID[1:]),
		"id with NUL":         sessionstore.CheckID("\x00" + anID[1:]),
		"id in UTF-8":         sessionstore.CheckID("é" + anID[2:]),
		"no version":          sessionstore.CheckRecord(sessionstore.Record{Expires: tomorrow}),
		"no expiry":           sessionstore.CheckRecord(sessionstore.Record{Version: 1}),
		"expiry now":          sessionstore.CheckExpires(time.Now()),
		"expiry past":         sessionstore.CheckExpires(time.Now().Add(-time.Second)),
		"expiry 1970":         sessionstore.CheckExpires(time.Unix(0, 0)),
		"expiry too far":      sessionstore.CheckExpires(time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)),
		"subject empty":       sessionstore.CheckSubject(""),
		"subject too long":    sessionstore.CheckSubject(strings.Repeat("x", 256)),
		"subject with NUL":    sessionstore.CheckSubject("a\x00"),
		"subject not UTF-8":   sessionstore.CheckSubject("\xff"),
		"subject in a record": sessionstore.CheckRecord(sessionstore.Record{Version: 1, Expires: tomorrow, Subject: "\xff"}),
	} {
		if !errors.Is(err, sessionstore.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
			continue
		}
		if strings.Contains(err.Error(), anID[5:]) {
			t.Errorf("%s: the error repeats the id", name)
		}
	}
	for name, err := range map[string]error{
		"id":      sessionstore.CheckID(anID),
		"record":  sessionstore.CheckRecord(sessionstore.Record{Version: 1, Expires: tomorrow}),
		"expiry":  sessionstore.CheckExpires(time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)),
		"subject": sessionstore.CheckSubject(strings.Repeat("x", 255)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
