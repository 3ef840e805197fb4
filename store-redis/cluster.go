package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// slotCount is how many hash slots a Cluster has.
const slotCount = 16384

var (
	errUncovered = errors.New("the masters that are known don't have all slots of the Cluster")
	errMoving    = errors.New("slots of the Cluster are on their way between masters: begin again when they have arrived")
)

// withinLayout calls f, which goes through the keys of every master, and returns an
// error if a key may have moved meanwhile to a master that f was done with.
func withinLayout(ctx context.Context, client *redis.ClusterClient, f func() error) error {
	ask := func() (map[string]string, error) { return layout(ctx, client) }
	before, early := sessionstore.Await(ctx, ask) // with an error, f does what it can
	failed := f()
	after, late := sessionstore.Await(ctx, ask)
	if err := cmp.Or(failed, early, late); err != nil {
		return err
	}
	if !maps.Equal(before, after) {
		return errMoving
	}
	return nil
}

// layout returns which slots each master has, by its own account. It returns an error
// unless these are all there are, and none of them is on its way.
func layout(ctx context.Context, client *redis.ClusterClient) (map[string]string, error) {
	var mu sync.Mutex
	slots, count := make(map[string]string), 0
	err := client.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		nodes, err := master.ClusterNodes(ctx).Result()
		if err != nil {
			return err //nolint:wrapcheck // the guard does it
		}
		id, own, n, err := ownSlots(nodes)
		mu.Lock()
		defer mu.Unlock()
		slots[id] = own
		count += n
		return err
	})
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // the guard does it
	case count != slotCount:
		return nil, errUncovered
	}
	return slots, nil
}

// ownSlots returns the id and the slots of the node that gave this answer to CLUSTER
// NODES, as ranges and as a number.
func ownSlots(nodes string) (id, slots string, count int, err error) {
	// A node's id, address, flags and five more fields come before its slots.
	const flags, before = 2, 8
	for line := range strings.Lines(nodes) {
		fields := strings.Fields(line)
		if len(fields) < before || !strings.HasPrefix(fields[flags], "myself") {
			continue
		}
		for _, field := range fields[before:] {
			var first, last int
			switch n, _ := fmt.Sscanf(field, "%d-%d", &first, &last); n {
			case 1:
				count++
			case 2:
				count += last - first + 1
			default:
				return "", "", 0, errMoving // a field such as [93-<-id]
			}
		}
		return fields[0], strings.Join(fields[before:], " "), count, nil
	}
	return "", "", 0, errUncovered
}
