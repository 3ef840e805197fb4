//go:build amd64 || arm64

package stores_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSqliteFullDisk fills the disk that the file is on, and makes room again.
func TestSqliteFullDisk(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		dir := smallDisk(t)
		store := sqliteStore(t, sqliteIn(t, driver, dir, "WAL"))
		id, r := created(t, store)
		var fillers []string
		for n := 0; ; n++ {
			name := filepath.Join(dir, fmt.Sprint("filler-", n))
			fillers = append(fillers, name)
			if os.WriteFile(name, make([]byte, 4096), 0o600) != nil {
				break
			}
		}
		large := r
		large.Version++
		large.Data = make([]byte, 100_000)
		err := store.Update(t.Context(), id, r.Version, large)
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("Update that does not fit: %v, want it to say that the disk is full", err)
		}
		if got, err := store.Load(t.Context(), id); err != nil || got.Version != r.Version {
			t.Errorf("Load: version %d, error %v, want %d", got.Version, err, r.Version)
		}
		for _, name := range fillers {
			_ = os.Remove(name) // the last may not be there
		}
		if err := store.Update(t.Context(), id, r.Version, large); err != nil {
			t.Errorf("Update when there is room again: %v", err)
		}
	})
}
