package storeurl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

// silent keeps the driver's own log off the terminal: what matters is in the errors.
var silent = sync.OnceFunc(func() { redis.SetLogger(noLog{}) })

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

func openRedis(ctx context.Context, a *address, o Options) (*Opened, error) {
	silent()
	plain, variant, _ := strings.Cut(a.scheme, "+")
	var client redis.UniversalClient
	var err error
	switch variant {
	case "sentinel":
		client, err = a.sentinel(plain == "rediss", o)
	case "cluster":
		client, err = a.cluster(plain, o)
	default:
		client, err = a.single(o)
	}
	if err != nil {
		return nil, InvalidError{err}
	}
	store, err := redisstore.New(client, redisstore.Options{KeyPrefix: a.own.Get("prefix"), MaxData: largest, Notify: true})
	s, err := together(store, err, func() error { return closeRedis(ctx, client) })
	if err != nil {
		return nil, err
	}
	s.Clocks = func(ctx context.Context) ([]time.Time, error) { return redisClocks(ctx, client) }
	return s, nil
}

// closeRedis waits no longer than until Ctrl-C: with Sentinel, Close waits for a connection
// that is being made.
func closeRedis(ctx context.Context, client redis.UniversalClient) error {
	closed := make(chan error, 1)
	go func() { closed <- client.Close() }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (a *address) single(o Options) (redis.UniversalClient, error) {
	if len(a.hosts) > 1 {
		return nil, errors.New("want one host, or redis+cluster:// or redis+sentinel://")
	}
	c, err := redis.ParseURL(a.url(a.scheme))
	if err != nil {
		return nil, err //nolint:wrapcheck // Open does it
	}
	c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout, c.MaxRetries = o.Timeout, o.Timeout, o.Timeout, o.Timeout, 1
	return redis.NewClient(c), nil
}

func (a *address) cluster(scheme string, o Options) (redis.UniversalClient, error) {
	seeds := a.withPort("6379")
	first := *a
	first.hosts = seeds[:1]
	c, err := redis.ParseClusterURL(first.url(scheme))
	if err != nil {
		return nil, err //nolint:wrapcheck // Open does it
	}
	c.Addrs = append(c.Addrs, seeds[1:]...)
	c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.Timeout, o.Timeout, o.Timeout, o.Timeout
	return redis.NewClusterClient(c), nil
}

// sentinel takes the Sentinels as hosts, and the path names the master and perhaps a
// database.
func (a *address) sentinel(encrypted bool, o Options) (redis.UniversalClient, error) {
	master, db, _ := strings.Cut(a.path, "/")
	query, err := url.ParseQuery(a.query)
	if err != nil || master == "" {
		return nil, errors.New("want redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DB")
	}
	c := &redis.FailoverOptions{
		MasterName: master, SentinelAddrs: a.withPort("26379"),
		SentinelUsername: query.Get("sentinel_username"), SentinelPassword: query.Get("sentinel_password"),
		DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout, MaxRetries: 1,
	}
	query.Del("sentinel_username")
	query.Del("sentinel_password")
	for name := range query {
		return nil, fmt.Errorf("redis+sentinel takes no parameter %q", name)
	}
	c.Username, c.Password = a.user()
	if db != "" {
		if c.DB, err = strconv.Atoi(db); err != nil {
			return nil, errors.New("the database behind the master's name is no number")
		}
	}
	if encrypted {
		c.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return redis.NewFailoverClient(c), nil
}

// redisClocks asks the one server, or each master of a cluster.
func redisClocks(ctx context.Context, client redis.UniversalClient) ([]time.Time, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		now, err := client.Time(ctx).Result()
		return []time.Time{now}, err //nolint:wrapcheck // Hide does it
	}
	var mu sync.Mutex
	var all []time.Time
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		now, err := master.Time(ctx).Result()
		mu.Lock()
		defer mu.Unlock()
		all = append(all, now)
		return err //nolint:wrapcheck // the same
	})
	return all, err //nolint:wrapcheck // the same
}
