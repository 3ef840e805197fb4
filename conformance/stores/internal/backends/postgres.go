package backends

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

var postgres = &Backend{
	Name: "postgres", Module: "store-postgres", Server: servers.Postgres, Lists: true, shop: same,
	open: func(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
		pool, err := pgxpool.New(ctx, p.Address)
		if err != nil {
			return nil, nil, err //nolint:wrapcheck // the driver's
		}
		end := func(ctx context.Context) {
			_, _ = pool.Exec(ctx, "DROP TABLE IF EXISTS "+p.Name) // tidying
			pool.Close()
		}
		store, err := postgresstore.New(pool, postgresstore.Options{Table: p.Name})
		if err == nil {
			err = store.Migrate(ctx)
		}
		return store, end, err
	},
}
