package mongostore

import (
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// explain turns an error of the driver into one of the contract where it is certain
// what has happened.
func explain(err error) error {
	if errors.Is(err, mongo.ErrNoDocuments) {
		return sessionstore.ErrNotFound
	}
	return err
}
