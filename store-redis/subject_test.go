package redisstore

import (
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// indexOf answers zrange with these members and hands everything else on.
func indexOf(members []string, rest func([]string) string) func([]string) string {
	return func(command []string) string {
		if command[0] != "zrange" {
			return rest(command)
		}
		answer := strings.Builder{}
		answer.WriteString("*" + string(rune('0'+len(members))) + "\r\n")
		for _, m := range members {
			answer.WriteString(bulk([]byte(m)))
		}
		return answer.String()
	}
}

func TestListSubjectJudgesByTheRecord(t *testing.T) {
	t.Parallel()
	mine, others, gone, damaged := newID(), newID(), newID(), newID()
	rest := func(command []string) string {
		switch {
		case command[0] == "evalsha":
			return "$2\r\nok\r\n"
		case strings.HasSuffix(command[1], mine):
			return stored(mine, newRecord("visitor"))
		case strings.HasSuffix(command[1], others):
			return stored(others, newRecord("another"))
		case strings.HasSuffix(command[1], damaged):
			return bulk([]byte("damaged"))
		}
		return "$-1\r\n"
	}
	store, server := open(t, indexOf([]string{mine, others, gone, "+" + gone}, rest))
	entries, err := store.ListSubject(t.Context(), "visitor")
	if err != nil || len(entries) != 1 || entries[0].ID != mine {
		t.Errorf("list is %v, %v, want the subject's own record", entries, err)
	}
	last := server.commands[len(server.commands)-1]
	if got := server.asked(); !strings.HasSuffix(got, " unindex") || !slices.Equal(last[5:], []string{others, gone}) {
		t.Errorf("commands are %q, the last about %q", got, last[5:])
	}

	store, _ = open(t, indexOf([]string{mine, damaged}, rest))
	_, err = store.ListSubject(t.Context(), "visitor")
	wantError(t, "ListSubject with a damaged record", err, sessionstore.ErrCorrupt)
}

func TestDeleteSubjectCountsLiveRecords(t *testing.T) {
	t.Parallel()
	live, gone, stuck := newID(), newID(), newID()
	store, server := open(t, indexOf([]string{gone, stuck, live}, func(command []string) string {
		switch {
		case command[0] == "evalsha":
			return "$2\r\nok\r\n"
		case strings.HasSuffix(command[3], live):
			return bulk([]byte("ok"))
		case strings.HasSuffix(command[3], stuck):
			return "-ERR no luck\r\n"
		}
		return bulk([]byte("absent"))
	}))
	n, err := store.DeleteSubject(t.Context(), "visitor")
	if n != 1 || err == nil || !strings.HasSuffix(err.Error(), "no luck") {
		t.Errorf("DeleteSubject is %d, %v, want 1 and the error", n, err)
	}
	last := server.commands[len(server.commands)-1]
	if got := last[5:]; !slices.Equal(got, []string{gone, live}) {
		t.Errorf("%q leave the index, want %q", got, []string{gone, live})
	}
}
