package main

import (
	"fmt"
	"io"
	"strings"
)

// printMarkdown prints the table of a page: a line for each backend and work, with what
// others take of what cloakroom takes. Sessions of 4 KB are in the whole table only.
func printMarkdown(w io.Writer, rows []row) error {
	var b strings.Builder
	b.WriteString("| store | request | to the bare driver | spread | allocations | others, to cloakroom |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if r.Library != ours || strings.HasSuffix(r.Work, "-4KB") {
			continue
		}
		var others []string
		for _, o := range rows {
			if o.Backend == r.Backend && o.Work == r.Work && o.Library != ours && o.Library != bare {
				others = append(others, o.Library+" "+ratio(o.ToOurs))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | ±%.0f %% | %.0f | %s |\n",
			r.Backend, r.Work, ratio(r.ToBare), r.Spread*50, r.Allocs, strings.Join(others, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
