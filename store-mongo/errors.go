package mongostore

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var (
	errForeign = fmt.Errorf("%w: a document that is no session", sessionstore.ErrCorrupt)
	errOthers  = fmt.Errorf("%w: a document whose _id is no session's", sessionstore.ErrCorrupt)
	errSwapped = fmt.Errorf("%w: the answer is about another session", sessionstore.ErrCorrupt)
)

// explain turns an error of the driver into one of the contract where it is certain
// what has happened.
func explain(err error) error {
	if errors.Is(err, mongo.ErrNoDocuments) {
		return sessionstore.ErrNotFound
	}
	return err
}
