package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// released matches a version that a module may be released at: from v2 on, its path
// would have to end in one.
var released = regexp.MustCompile(`^v([01])\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)

// numbers returns the numbers of a version.
func numbers(version string) ([]int, error) {
	found := released.FindStringSubmatch(version)
	if found == nil {
		return nil, fmt.Errorf("-version %q is none, such as v0.1.0; v2 and later need another module path", version)
	}
	var list []int
	for _, text := range found[1:] {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("-version %q: %w", version, err)
		}
		list = append(list, n)
	}
	return list, nil
}

// latest returns the highest version among tags, "" if there is none.
func latest(tags []string) string {
	var best string
	for _, tag := range tags {
		version := tag[strings.LastIndexByte(tag, '/')+1:]
		n, err := numbers(version)
		if err != nil {
			continue
		}
		if b, err := numbers(best); err != nil || slices.Compare(n, b) > 0 {
			best = version
		}
	}
	return best
}
