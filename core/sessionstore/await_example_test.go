package sessionstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A slowDriver takes no context. Its own timeout ends its calls, later.
type slowDriver struct{ timeout time.Duration }

func (d slowDriver) get(string) ([]byte, error) {
	time.Sleep(d.timeout)
	return nil, errors.New("driver: i/o timeout")
}

// A store's Load returns when ctx is done, and leaves the driver behind.
func ExampleAwait() {
	driver := slowDriver{timeout: time.Second}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := sessionstore.Await(ctx, func() ([]byte, error) { return driver.get("key") })
	if err != nil && !sessionstore.Certain(err) {
		err = fmt.Errorf("mystore: %w", err) // nobody knows: the record may be there
	}
	fmt.Println(err)
	// Output: mystore: context deadline exceeded
}
