package stores_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
)

// memcacheAsk sends a line and returns what the first line of the answer says
// after prefix.
func memcacheAsk(tb testing.TB, addr, line, prefix string) string {
	tb.Helper()
	var d net.Dialer
	conn, err := d.DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // read only
	if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
		tb.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(answer), prefix)
	if !ok {
		tb.Fatalf("%s: %q", line, answer)
	}
	return rest
}
