package storeurl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
)

func openMemcache(_ context.Context, a *address, o Options) (*Opened, error) {
	size, err := a.number("item_size", 10)
	if err != nil {
		return nil, err
	}
	if a.userinfo != "" || a.path != "" {
		return nil, InvalidError{errors.New("memcache:// takes hosts only, memcached knows neither users nor databases")}
	}
	servers := a.withPort("11211")
	var list memcache.ServerList
	if err := list.SetServers(servers...); err != nil {
		return nil, err //nolint:wrapcheck // Open does it
	}
	client := memcache.NewFromSelector(&list)
	client.Timeout, client.MaxIdleConns = o.Timeout, 16
	store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: a.own.Get("prefix"), MaxItemSize: size})
	s, err := together(store, err, client.Close)
	if err != nil {
		return nil, err
	}
	s.Clocks = func(ctx context.Context) ([]time.Time, error) { return memcacheClocks(ctx, servers) }
	return s, nil
}

// memcacheClocks asks each server for its clock, which the driver does not.
func memcacheClocks(ctx context.Context, servers []string) ([]time.Time, error) {
	all := make([]time.Time, 0, len(servers))
	for _, server := range servers {
		now, err := memcacheClock(ctx, server)
		if err != nil {
			return all, fmt.Errorf("%s: %w", server, err)
		}
		all = append(all, now)
	}
	return all, nil
}

func memcacheClock(ctx context.Context, server string) (now time.Time, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return now, err //nolint:wrapcheck // it names the server
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if deadline, ok := ctx.Deadline(); ok {
		err = conn.SetDeadline(deadline)
	}
	if err == nil {
		_, err = conn.Write([]byte("stats\r\n"))
	}
	if err != nil {
		return now, err //nolint:wrapcheck // the same
	}
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "END"; {
		if text, ok := strings.CutPrefix(lines.Text(), "STAT time "); ok {
			seconds, err := strconv.ParseInt(text, 10, 64)
			return time.Unix(seconds, 0), err
		}
	}
	return now, errors.New("memcached's stats tell no time")
}
