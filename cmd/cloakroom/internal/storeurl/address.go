package storeurl

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
)

// An address is a store's URL in its parts. net/url does not take several hosts, and an
// error of its own repeats the password.
type address struct {
	scheme   string
	userinfo string // as it is written
	hosts    []string
	path     string // behind the slash, or all of it where the scheme has no hosts
	query    string // as it is written, for the driver
	own      url.Values
}

// own are the parameters that belong to the store and not to the driver.
var own = map[string][]string{
	"file":     {"mode"},
	"redis":    {"prefix"},
	"memcache": {"prefix", "item_size"},
	"postgres": {"schema", "table"},
	"mysql":    {"table"},
	"sqlite":   {"table"},
	"mongodb":  {"collection"},
}

// errNoURL repeats nothing of what was given: where it ends, a password may begin.
var errNoURL = errors.New("the store's address is no URL: write / ? # @ and % in a password as %2F %3F %23 %40 and %25")

// variable begins an address that is in an environment variable.
const variable = "env:"

// parse takes an address apart. kind is the store's, whatever variants of its scheme
// there are. An error repeats neither user nor password.
func parse(text string) (a address, kind string, err error) {
	if name, ok := strings.CutPrefix(text, variable); ok {
		if text = os.Getenv(name); text == "" {
			return a, "", fmt.Errorf("the environment has no variable %q with a store's address", name)
		}
	}
	var rest string
	var ok bool
	if a.scheme, rest, ok = strings.Cut(text, ":"); !ok {
		return a, "", errors.New("the store's address has no scheme: want one such as redis://HOST or file:FOLDER")
	}
	if kind, ok = schemes[a.scheme]; !ok {
		return a, "", fmt.Errorf("no store has the scheme %.20q: want one of %s", a.scheme, strings.Join(slices.Sorted(maps.Keys(schemes)), ", "))
	}
	hosts, hasHosts := strings.CutPrefix(rest, "//")
	local := kind == "file" || kind == "sqlite"
	rest, query, _ := strings.Cut(rest, "?")
	if local {
		if a.path = rest; rest == "" || hasHosts && !strings.HasPrefix(hosts, "/") {
			return a, "", fmt.Errorf("%s: takes a path, such as %[1]s:/var/lib/app/sessions", a.scheme)
		}
		if hasHosts { // file:///var/lib
			a.path = strings.TrimPrefix(rest, "//")
		}
	} else {
		if !hasHosts {
			return a, "", fmt.Errorf("%s: takes a URL, such as %[1]s://HOST:PORT", a.scheme)
		}
		if err := a.parseHosts(strings.TrimPrefix(rest, "//")); err != nil {
			return a, "", err
		}
		if strings.ContainsAny(query, "@#") {
			return a, "", errNoURL
		}
	}
	return a, kind, a.parseQuery(query, own[kind])
}

func (a *address) parseHosts(rest string) error {
	authority, path, _ := strings.Cut(rest, "/")
	hosts := authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		a.userinfo, hosts = authority[:i], authority[i+1:]
	}
	if strings.ContainsAny(a.userinfo, "@#") || strings.ContainsAny(hosts, "#") || strings.ContainsAny(path, "@#") {
		return errNoURL
	}
	for _, part := range strings.SplitN(a.userinfo, ":", 2) {
		if _, err := url.PathUnescape(part); err != nil {
			return errNoURL
		}
	}
	a.path, a.hosts = path, strings.Split(hosts, ",")
	if slices.Contains(a.hosts, "") {
		return errors.New("the store's address names no host")
	}
	for _, host := range a.hosts {
		// A password that is not escaped may end up here.
		if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") && strings.Trim(host[i+1:], "0123456789") != "" {
			return errNoURL
		}
	}
	return nil
}

// parseQuery takes the store's own parameters out of the query.
func (a *address) parseQuery(query string, names []string) error {
	a.own = make(url.Values)
	var others []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(value)
		switch {
		case err != nil:
			return fmt.Errorf("the address's parameter %q is not escaped as in a URL", name)
		case slices.Contains(names, name):
			a.own.Set(name, value)
		case pair != "":
			others = append(others, pair)
		}
	}
	a.query = strings.Join(others, "&")
	if a.query != "" && (a.scheme == "file" || a.scheme == "sqlite" || a.scheme == "memcache") {
		return fmt.Errorf("%s: takes only the parameters %s", a.scheme, strings.Join(names, " and "))
	}
	return nil
}

// where returns the address without what is secret in it, user included.
func (a *address) where() string {
	if a.hosts == nil {
		return a.scheme + ":" + a.path
	}
	s := a.scheme + "://" + strings.Join(a.hosts, ",")
	if a.path != "" {
		s += "/" + a.path
	}
	return s
}

// url returns the address as a driver takes it, under a scheme.
func (a *address) url(scheme string) string {
	s := scheme + "://"
	if a.userinfo != "" {
		s += a.userinfo + "@"
	}
	s += strings.Join(a.hosts, ",") + "/" + a.path
	if a.query != "" {
		s += "?" + a.query
	}
	return s
}

// user returns the name and the password, unescaped.
func (a *address) user() (name, password string) {
	name, password, _ = strings.Cut(a.userinfo, ":")
	name, _ = url.PathUnescape(name) // parseHosts has tried it
	password, _ = url.PathUnescape(password)
	return name, password
}

// withPort returns the hosts with a port each.
func (a *address) withPort(port string) []string {
	hosts := slices.Clone(a.hosts)
	for i, host := range hosts {
		if _, _, err := net.SplitHostPort(host); err != nil {
			hosts[i] = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
	}
	return hosts
}

// secrets returns the texts that no message may hold, in every form that drivers print.
func (a *address) secrets() []string {
	var found []string
	if raw, password := a.userinfo, ""; raw != "" {
		_, password = a.user()
		_, rawPassword, _ := strings.Cut(raw, ":")
		found = append(found, password, rawPassword, url.QueryEscape(password), url.PathEscape(password))
	}
	for pair := range strings.SplitSeq(a.query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		for _, word := range []string{"pass", "secret", "token", "pwd"} {
			if plain, _ := url.QueryUnescape(value); strings.Contains(strings.ToLower(name), word) { // parseQuery has tried it
				found = append(found, value, plain)
			}
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return s == "" })
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(found)
}
