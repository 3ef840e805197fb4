package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	changelog  = "CHANGELOG.md"
	unreleased = "## Unreleased"
)

// moveEntries gives the entries of these modules, which are under Unreleased, a section
// of their own. "all" moves everything. An entry begins with "- module: ", with
// "- module/package: ", or with several of them and commas.
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
		if !strings.Contains(section, "\n- ") {
			return "", ""
		}
		return strings.TrimLeft(section, "\n"), ""
	}
	groups := parse(section)
	moved = render(groups, func(entry string) string { return about(entry, modules, true) })
	return moved, render(groups, func(entry string) string { return about(entry, modules, false) })
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
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "### "):
			groups = append(groups, group{heading: line + "\n"})
		case strings.HasPrefix(line, "- ") || len(last.entries) == 0:
			last.entries = append(last.entries, line)
		default:
			last.entries[len(last.entries)-1] += line
		}
	}
	return groups
}

// render writes what part leaves of the entries, and the headings of those.
func render(groups []group, part func(entry string) string) string {
	var b strings.Builder
	for _, g := range groups {
		var entries strings.Builder
		for _, e := range g.entries {
			entries.WriteString(part(e))
		}
		if entries.Len() > 0 {
			b.WriteString(g.heading + entries.String() + "\n")
		}
	}
	return b.String()
}

// about returns an entry as far as it is about these modules, or about others: with the
// names of those, or "".
func about(entry string, modules []string, these bool) string {
	rest, ok := strings.CutPrefix(entry, "- ")
	names, text, found := strings.Cut(rest, ":")
	if !ok || !found {
		if these {
			return ""
		}
		return entry
	}
	var left []string
	for name := range strings.SplitSeq(names, ", ") {
		if belongs(name, modules) == these {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return ""
	}
	return "- " + strings.Join(left, ", ") + ":" + text
}

// belongs reports whether the name is one of these modules or a package in one.
func belongs(name string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") })
}
