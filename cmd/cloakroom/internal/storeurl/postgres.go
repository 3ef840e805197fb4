package storeurl

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

func openPostgres(ctx context.Context, a *address, o Options) (*Opened, error) {
	config, err := pgxpool.ParseConfig(a.url("postgres"))
	if err != nil {
		return nil, InvalidError{err}
	}
	config.ConnConfig.ConnectTimeout = o.Timeout
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err //nolint:wrapcheck // Open does it
	}
	closePool := func() error {
		pool.Close()
		return nil
	}
	store, err := postgresstore.New(pool, postgresstore.Options{
		Schema: a.own.Get("schema"), Table: a.own.Get(tableParameter), MaxData: largest, Notify: true,
	})
	s, err := together(store, err, closePool)
	if err != nil {
		return nil, err
	}
	s.Migrate = store.Migrate
	s.Clocks = func(ctx context.Context) ([]time.Time, error) {
		var now time.Time
		err := pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now)
		return []time.Time{now}, err //nolint:wrapcheck // Hide does it
	}
	return s, nil
}
