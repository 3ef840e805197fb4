package shop_test

import (
	"crypto/rand"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMemoryShop(t *testing.T) {
	t.Parallel()
	goShopping(t, "memory:", true)
}

func TestCookieShop(t *testing.T) {
	t.Parallel()
	goShopping(t, "cookie:", false)
}

func TestRedisShop(t *testing.T) {
	t.Parallel()
	goShopping(t, server(t, servers.Redis, "redis://"), true)
}

func TestMemcacheShop(t *testing.T) {
	t.Parallel()
	goShopping(t, server(t, servers.Memcached, "memcache://"), false)
}

func TestPostgresShop(t *testing.T) {
	t.Parallel()
	goShopping(t, server(t, servers.Postgres, ""), true)
}

func TestMysqlShop(t *testing.T) {
	t.Parallel()
	config, err := mysql.ParseDSN(server(t, servers.MySQL, ""))
	if err != nil {
		t.Fatal(err)
	}
	address := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
	goShopping(t, address.String(), true)
}

func TestSqliteShop(t *testing.T) {
	t.Parallel()
	browser.Need(t)
	goShopping(t, "sqlite:"+filepath.Join(t.TempDir(), "shop.db"), true)
}

func TestMongoShop(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(server(t, servers.Mongo, ""))
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/shop_" + strings.ToLower(rand.Text())
	goShopping(t, address.String(), true)
}

// server returns the address of a server, as -store takes it.
func server(t *testing.T, k *servers.Kind, scheme string) string {
	t.Helper()
	browser.Need(t)
	return scheme + servers.Any(t, k).URL
}

// goShopping does on one store in short what the other tests do on files. Does the
// store list a user's sessions? If not, the pages say so.
func goShopping(t *testing.T, store string, lists bool) {
	t.Helper()
	both(t, open(t, store), func(v *visitor, p person) {
		v.buy(p.product, "2")
		v.signIn(p, "/cart")
		v.want(".flash", "Welcome, "+p.name+".")
		v.wantCart(map[string]string{p.product: "2"})
		v.visit("/preferences")
		v.click("#language-" + p.language)
		v.wantLanguage(p.language, p.hello)

		other := enter(v.TB, v.shop)
		other.signIn(p, "/profile")
		v.visit("/devices")
		if lists {
			v.wantAt("/devices", 200)
			v.click("#end-others") // also what an earlier run has left on the server
			v.wantAt("/devices", 200)
			if got := v.list("#devices li"); len(got) != 1 {
				v.Errorf("the devices are %q", got)
			}
		} else {
			v.wantAt("/devices", 501)
			v.need("#unsupported")
		}
		if other.isNobody() != lists {
			v.Errorf("the other device is signed out: %v", !lists)
		}
		if !lists { // a new password does it there
			v.changePassword(p.password, "a new coat hanger")
			if !other.isNobody() {
				v.Error("the other device is still signed in")
			}
		}
		v.visit("/")
		v.click("#logout")
		v.wantCart(map[string]string{})
		if !v.isNobody() {
			v.Error("still signed in")
		}
	})
}
