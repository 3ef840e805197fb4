package stores_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestMysqlMissingTable(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	table := "t_" + randomID()
	store := mysqlStore(t, db, table)
	r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}
	_, errLoad := store.Load(t.Context(), randomID())
	_, errPrune := store.Prune(t.Context())
	for method, err := range map[string]error{
		"Load": errLoad, "Prune": errPrune, "Create": store.Create(t.Context(), randomID(), r),
	} {
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "call Migrate") || !strings.Contains(err.Error(), table) {
			t.Errorf("%s: %v, want Migrate and the table to be named", method, err)
		}
	}
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.WithoutCancel(t.Context()), "DROP TABLE IF EXISTS `"+table+"`") // tidying
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := store.Migrate(t.Context()); err != nil {
				t.Errorf("Migrate: %v", err)
			}
		})
	}
	all.Wait()
	id, _ := created(t, store)
	if _, err := db.ExecContext(t.Context(), mysqlRow(table), id[1:]+"~", []byte{}, "", 1, 0); err == nil {
		t.Error("the table takes version zero")
	}
}

// TestMysqlRights migrates and works as a user who may not create tables.
func TestMysqlRights(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	admin := mysqlDB(t, server)
	table := mysqlTable(t, admin)
	user := "u" + strings.ToLower(randomID()[:20])
	sqlExec(t, admin, "CREATE USER '"+user+"'@'%' IDENTIFIED BY 'Cloak-Room-1'")
	t.Cleanup(func() {
		_, _ = admin.ExecContext(context.WithoutCancel(t.Context()), "DROP USER '"+user+"'@'%'") // tidying
	})
	sqlExec(t, admin, "GRANT SELECT, INSERT, UPDATE, DELETE ON `"+server.DBName+"`.`"+table+"` TO '"+user+"'@'%'")
	limited := server.Clone()
	limited.User, limited.Passwd = user, "Cloak-Room-1"
	store := mysqlStore(t, mysqlDB(t, limited), table)
	if err := store.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate where nothing is missing: %v", err)
	}
	created(t, store)
	if n, err := store.DeleteAll(t.Context()); n != 1 || err != nil {
		t.Errorf("DeleteAll: %d, %v, want 1", n, err)
	}
}

// TestMysqlOthersTable has a table of another program under the name, which stays as
// it is.
func TestMysqlOthersTable(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	table := "t_" + randomID()
	sqlExec(t, db, "CREATE TABLE `"+table+"` (id INT PRIMARY KEY, name TEXT)")
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.WithoutCancel(t.Context()), "DROP TABLE IF EXISTS `"+table+"`") // tidying
	})
	store := mysqlStore(t, db, table)
	_, errLoad := store.Load(t.Context(), randomID())
	r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}
	for method, err := range map[string]error{
		"Migrate": store.Migrate(t.Context()), "Load": errLoad, "Create": store.Create(t.Context(), randomID(), r),
	} {
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "not the store's") {
			t.Errorf("%s: %v, want it to say that the table is not the store's", method, err)
		}
	}
}
