package main

import (
	"errors"
	"fmt"
	"strings"
)

const unreleased = "## Unreleased"

// moveEntries gives the entries of these modules, which are under Unreleased, a section
// of their own. "all" moves everything. An entry begins with "- module: " or with
// "- module/package: ".
func moveEntries(text, title string, modules ...string) (string, error) {
	before, rest, ok := strings.Cut(text, unreleased+"\n")
	if !ok {
		return "", fmt.Errorf("the changelog has no section %q", unreleased)
	}
	section, after := rest, ""
	if at := strings.Index(rest, "\n## "); at >= 0 {
		section, after = rest[:at+1], rest[at+1:]
	}
	moved, kept := split(section, modules)
	if moved == "" {
		return "", errors.New("the changelog has no entry for it under Unreleased")
	}
	return before + unreleased + "\n\n" + kept + "## " + title + "\n\n" + moved + after, nil
}

// split parts a section into what belongs to these modules and what does not. Text
// above the first heading belongs to whoever moves everything.
func split(section string, modules []string) (moved, kept string) {
	if len(modules) == 1 && modules[0] == everything {
		return strings.TrimLeft(section, "\n"), ""
	}
	groups := parse(section)
	mine := func(entry string) bool { return belongs(entry, modules) }
	return render(groups, mine), render(groups, func(entry string) bool { return !mine(entry) })
}

// A group is a heading, such as "### Added", with its entries. Each ends with a newline.
type group struct {
	heading string
	entries []string
}

func parse(section string) []group {
	groups := []group{{}}
	for line := range strings.Lines(section) {
		last := &groups[len(groups)-1]
		switch {
		case strings.HasPrefix(line, "### "):
			groups = append(groups, group{heading: line + "\n"})
		case strings.HasPrefix(line, "- ") || len(last.entries) == 0:
			last.entries = append(last.entries, line)
		case strings.TrimSpace(line) != "":
			last.entries[len(last.entries)-1] += line
		}
	}
	return groups
}

// render writes those entries of which keep is true, and their headings.
func render(groups []group, keep func(entry string) bool) string {
	var b strings.Builder
	for _, g := range groups {
		var entries strings.Builder
		for _, e := range g.entries {
			if strings.TrimSpace(e) != "" && keep(e) {
				entries.WriteString(e)
			}
		}
		if entries.Len() > 0 {
			b.WriteString(g.heading + entries.String() + "\n")
		}
	}
	return b.String()
}

func belongs(line string, modules []string) bool {
	name, _, ok := strings.Cut(strings.TrimPrefix(line, "- "), ":")
	for _, m := range modules {
		if ok && (name == m || strings.HasPrefix(name, m+"/")) {
			return true
		}
	}
	return false
}
