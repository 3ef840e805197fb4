package backends

import (
	"context"
	"os"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

var file = &Backend{
	Name: "file", Module: "store-file", Lists: true, shop: after("file:"),
	open: func(_ context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
		if err := os.MkdirAll(p.Address, 0o700); err != nil {
			return nil, nil, err //nolint:wrapcheck // it names the folder
		}
		store, err := filestore.New(p.Address, filestore.Options{})
		if err != nil {
			return nil, nil, err
		}
		return store, func(context.Context) { _ = store.Close() }, nil
	},
}
