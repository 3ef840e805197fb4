package redisstore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// indexOf answers zrange with these members, scored from 1e15 on, and hands everything
// else on.
func indexOf(members []string, rest func([]string) string) func([]string) string {
	return func(command []string) string {
		if command[0] != "zrange" {
			return rest(command)
		}
		answer := strings.Builder{}
		fmt.Fprintf(&answer, "*%d\r\n", 2*len(members))
		for i, m := range members {
			answer.WriteString(bulk([]byte(m)))
			answer.WriteString(bulk([]byte(strconv.Itoa(1e15 + i))))
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
	want := []string{others, "1000000000000001", gone, "1000000000000002"} // the plus sign's time has come
	if got := server.asked(); !strings.HasSuffix(got, " unindex") || !slices.Equal(last[5:], want) {
		t.Errorf("commands are %q, the last about %q", got, last[5:])
	}

	store, _ = open(t, indexOf([]string{damaged, mine}, rest))
	entries, err = store.ListSubject(t.Context(), "visitor")
	wantError(t, "ListSubject with a damaged record", err, sessionstore.ErrCorrupt)
	if len(entries) != 1 || entries[0].ID != mine {
		t.Errorf("list beside a damaged record is %v, want the other one", entries)
	}
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
	if got, want := last[5:], []string{gone, "1000000000000000", live, "1000000000000002"}; !slices.Equal(got, want) {
		t.Errorf("%q leave the index, want %q", got, want)
	}
}

func TestARecordOnItsWayStaysInTheIndex(t *testing.T) {
	t.Parallel()
	gone, coming := newID(), newID()
	store, server := open(t, func(command []string) string {
		switch command[0] {
		case "zrange":
			soon := bulk([]byte(strconv.FormatInt(time.Now().Add(time.Minute).UnixMicro(), 10)))
			return "*6\r\n" + bulk([]byte("+"+coming)) + soon + bulk([]byte(coming)) + soon + bulk([]byte(gone)) + soon
		case "get":
			return "$-1\r\n"
		}
		return bulk([]byte("ok"))
	})
	if entries, err := store.ListSubject(t.Context(), "visitor"); err != nil || len(entries) != 0 {
		t.Errorf("list is %v, %v", entries, err)
	}
	last := server.commands[len(server.commands)-1]
	if len(last) != 7 || last[5] != gone {
		t.Errorf("%q leave the index, want only %q", last[5:], gone)
	}
}
