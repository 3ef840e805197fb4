package mongostore

import (
	"context"
	"errors"
	"fmt"
)

// wrap puts the package's name before an error of the driver.
func wrap(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if done := ctx.Err(); done != nil && !errors.Is(err, done) {
		return fmt.Errorf("mongostore: %w: %w", done, err)
	}
	return fmt.Errorf("mongostore: %w", err)
}
