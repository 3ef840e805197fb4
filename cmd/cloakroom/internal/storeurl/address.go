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

// errNoURL repeats nothing of what was given: where it ends, a password may begin.
var errNoURL = errors.New("the store's address is no URL: write / ? # @ and % in a password as %2F %3F %23 %40 and %25")

var errNoScheme = errors.New("the store's address has no scheme: want one such as redis://HOST or file:FOLDER")

// variable begins an address that is in an environment variable.
const variable = "env:"

// parse takes an address apart. An error repeats neither user nor password.
func parse(text string) (*address, *kind, error) {
	if name, ok := strings.CutPrefix(text, variable); ok {
		if strings.ContainsAny(name, ":@") { // an address, which is not repeated
			return nil, nil, errors.New("env: takes the name of a variable")
		}
		if text = os.Getenv(name); text == "" {
			return nil, nil, fmt.Errorf("the environment has no variable %q with a store's address", name)
		}
	}
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok {
		return nil, nil, errNoScheme
	}
	if strings.Contains(scheme, "@") { // there is none, and this is a user or a password
		return nil, nil, errNoScheme
	}
	k, ok := schemes[scheme]
	if !ok {
		all := strings.Join(slices.Sorted(maps.Keys(schemes)), ", ")
		return nil, nil, fmt.Errorf("no store has the scheme %.20q: want one of %s", scheme, all)
	}
	a := &address{scheme: scheme}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, hasHosts := strings.CutPrefix(rest, "//")
	switch {
	case k.local:
		if a.path = rest; strings.HasPrefix(hosts, "/") { // of three slashes, two begin a URL without a host
			a.path = hosts
		} else if rest == "" || hasHosts {
			return nil, nil, fmt.Errorf("%s: takes a path, such as %[1]s:/var/lib/app/sessions", scheme)
		}
	case !hasHosts:
		return nil, nil, fmt.Errorf("%s: takes a URL, such as %[1]s://HOST:PORT", scheme)
	case strings.ContainsAny(query, "@#"):
		return nil, nil, errNoURL
	default:
		if err := a.parseHosts(hosts); err != nil {
			return nil, nil, err
		}
	}
	if err := a.parseQuery(query, k); err != nil {
		return nil, nil, err
	}
	return a, k, nil
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
func (a *address) parseQuery(query string, k *kind) error {
	a.own = make(url.Values)
	var others []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(value)
		switch {
		case err != nil:
			return fmt.Errorf("the address's parameter %.20q is not escaped as in a URL", name)
		case slices.Contains(k.own, name):
			a.own.Set(name, value)
		case pair != "" && k.closed:
			return fmt.Errorf("%s: takes only the parameters %s", a.scheme, strings.Join(k.own, " and "))
		case pair != "":
			others = append(others, pair)
		}
	}
	a.query = strings.Join(others, "&")
	return nil
}

// where returns the address without what is secret in it, user and the driver's parameters
// included. The store's own say which of a server's sessions are meant.
func (a *address) where() string {
	s := a.scheme + ":" + a.path
	if a.hosts != nil {
		s = a.scheme + "://" + strings.Join(a.hosts, ",")
		if a.path != "" {
			s += "/" + a.path
		}
	}
	var own []string
	for _, name := range slices.Sorted(maps.Keys(a.own)) {
		own = append(own, name+"="+url.PathEscape(a.own.Get(name)))
	}
	if len(own) == 0 {
		return s
	}
	return s + "?" + strings.Join(own, "&")
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
	_, password := a.user()
	_, raw, _ := strings.Cut(a.userinfo, ":")
	found := []string{password, raw, url.QueryEscape(password), url.PathEscape(password)}
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
