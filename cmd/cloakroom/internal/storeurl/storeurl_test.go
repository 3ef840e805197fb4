package storeurl

import (
	"errors"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                    "no scheme",
		"redis":                               "no scheme",
		"sql://host":                          "no store has the scheme",
		"Redis://host":                        "no store has the scheme",
		"redis:host":                          "redis://HOST",
		"redis://":                            "no host",
		"redis://a,,b":                        "no host",
		"redis://a,b":                         "redis+cluster://",
		"file:":                               "takes a path",
		"file://host/folder":                  "takes a path",
		"sqlite://host/file":                  "takes a path",
		"file:/folder?table=x":                "only the parameters mode",
		"file:" + t.TempDir() + "?mode=x":     "no number",
		"file:" + t.TempDir() + "?mode=0600x": "no number",
		"memcache://host?item_size=-1":        "no number",
		"memcache://host?item_size=2m":        "no number",
		"memcache://host?item_size=1e6":       "no number",
		"memcache://host?table=x":             "only the parameters",
		"memcache://user:hunter2@host":        "neither users nor databases",
		"memcache://host/1":                   "neither users nor databases",
		"mongodb://host":                      "no database",
		"mysql://a,b/shop":                    "one host",
		"redis+sentinel://host":               "MASTER",
		"redis+sentinel://host/shop/x":        "no number",
		"redis+sentinel://host/shop?max=1":    "no parameter",
		"redis://host/0?no_such_parameter=1":  "no_such_parameter",
		"redis://host/0?prefix=%zz":           "not escaped",
		"redis://host/0?prefix=a%20b":         "KeyPrefix",
		"postgres://host/db?table=" + long:    "Table",
		"postgres://host/db?sslmode=whatever": "sslmode",
		"env:NO_SUCH_VARIABLE":                "NO_SUCH_VARIABLE",
	} {
		s, err := Open(t.Context(), text, Options{Timeout: time.Minute})
		if err == nil {
			t.Errorf("%q opens %s", text, s.Where)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %q, want %q in it", text, err, want)
		}
		if invalid := new(InvalidError); !errors.As(err, invalid) {
			t.Errorf("%q: %v is no InvalidError", text, err)
		}
	}
}

var long = strings.Repeat("x", 100)

func TestNoErrorHoldsAPassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"redis://user:hunter2@host:port:x",
		"redis://user:hunter2@host/zero",
		"redis://user:hunter2@host/0?hunter2",
		"redis://user:hun%zzhunter2@host",
		"redis://user:hun/hunter2@host",
		"redis://user:1/hunter2@host",
		"redis://user:1?hunter2@host",
		"redis://user:1#hunter2@host",
		"redis://user:1@hunter2@host",
		"redis://user:hunter2",
		"hunter2@host:6379",
		"env:redis://user:hunter2@host",
		"postgres://user:hunter2@host:port/db",
		"postgres://user:hunter2@host/db?sslmode=hunter2&password=hunter2",
		"postgres://user:hunter2@host/db?table=" + long,
		"mongodb://user:hun/ter:hunter2@host/db",
		"mongodb://user:hunter2@host",
		"mongodb://user:hunter2@host/db?ssl=hunter2&password=hunter2",
		"mysql://user:hunter2@host:port/db",
		"mysql://user:hunter2@host/db?timeout=hunter2&password=hunter2",
		"memcache://hunter2@host",
		"hunter2://user:hunter2@host/",
		"redis+sentinel://user:x@host/shop/hunter2?sentinel_password=hunter2",
	} {
		s, err := Open(t.Context(), text, Options{Timeout: time.Minute})
		switch {
		case err == nil:
			t.Errorf("%s opens %s", text, s.Where)
		case strings.Contains(strings.ReplaceAll(err.Error(), `scheme "hunter2"`, ""), "hunter2"):
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAnErrorOfTheStoreHoldsNoPasswordInAnyForm(t *testing.T) {
	t.Parallel()
	const password = "p@ss w/rd+%"
	text := "redis://" + url.UserPassword("user", password).String() + "@host:1/0"
	s, err := Open(t.Context(), text, Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, form := range []string{password, url.QueryEscape(password), url.PathEscape(password), text} {
		cause := errors.New("can't connect with " + form + " to it")
		err := s.Hide(cause)
		named := strings.HasPrefix(err.Error(), "redis://host:1/0: can't connect with ")
		if !errors.Is(err, cause) || strings.Contains(err.Error(), "ss") || !named {
			t.Errorf("%q: %v", form, err)
		}
	}
	if s.Hide(nil) != nil {
		t.Error("no error is one")
	}
}

func TestAnAddressIsTakenApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ where, driver, user, password string }{
		"redis://host":                               {"redis://host", "x://host/", "", ""},
		"redis://u:p%40@h:1/2?a=b&prefix=c:&d=e":     {"redis://h:1/2?prefix=c:", "x://u:p%40@h:1/2?a=b&d=e", "u", "p@"},
		"mongodb://u:a:b@h:1,h2:2/shop?replicaSet=r": {"mongodb://h:1,h2:2/shop", "x://u:a:b@h:1,h2:2/shop?replicaSet=r", "u", "a:b"},
		"postgresql://[::1]:5432/db?table=t":         {"postgresql://[::1]:5432/db?table=t", "x://[::1]:5432/db", "", ""},
		"postgres://h/db?table=%1B%26t&schema=s":     {"postgres://h/db?schema=s&table=%1B&t", "x://h/db", "", ""},
		"mysql://u:p+q@h/db":                         {"mysql://h/db", "x://u:p+q@h/db", "u", "p+q"},
	} {
		a, _, err := parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		user, password := a.user()
		if a.where() != want.where || a.url("x") != want.driver || user != want.user || password != want.password {
			t.Errorf("%s: %s, %s, %s, %s", text, a.where(), a.url("x"), user, password)
		}
	}
	for text, want := range map[string]string{"file:a/b": "a/b", "file:///a/b": "/a/b", "sqlite:/a/b.db?table=t": "/a/b.db"} {
		if a, _, err := parse(text); err != nil || a.path != want || !strings.HasPrefix(a.where(), a.scheme+":"+want) {
			t.Errorf("%s: path %s, %v", text, a.path, err)
		}
	}
	a, _, err := parse("memcache://a,b:2,[::1],[::1]:3")
	if got := a.withPort("1"); err != nil || !slices.Equal(got, []string{"a:1", "b:2", "[::1]:1", "[::1]:3"}) {
		t.Errorf("hosts %q, %v", got, err)
	}
}

func TestMigrationMakesAFolderForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // the second time it is there
		s, err := Open(t.Context(), "file:"+path, Options{Timeout: time.Minute, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
