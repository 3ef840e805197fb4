package migrate

import (
	"encoding/gob"
	"fmt"

	"github.com/cloakroom-go/cloakroom/migrate/internal/safegob"
)

// gorilla registers the type of its flash messages.
func init() { gob.Register([]any{}) } //nolint:gochecknoinits // as gorilla/sessions does it; twice is no error

// decodeGob decodes the one value in data into what to points to, within bounds.
// Only types that are registered with encoding/gob are made.
func decodeGob(data []byte, to any) error {
	if len(data) > maxRecord {
		return fmt.Errorf("gob is over %d bytes long", maxRecord)
	}
	return safegob.Decode(data, to)
}

// gobValues decodes the values of a gorilla session.
func gobValues(data []byte) (map[any]any, error) {
	values := map[any]any{}
	err := decodeGob(data, &values)
	return values, err
}
