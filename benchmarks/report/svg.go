package main

import (
	"fmt"
	"io"
	"strings"
)

// The picture has a bar for each library, in groups by backend and work: as long as
// its overhead is, where ours is one unit.
const (
	unit   = 60 // of ours, in pixels
	widest = 8  // units; a longer bar is cut
	left   = 230
	height = 16
)

func draw(w io.Writer, rows []row) error {
	var body strings.Builder
	y := 30
	group := ""
	for _, r := range rows {
		if r.ToOurs == 0 || r.Work != "read" && r.Work != "write" {
			continue
		}
		if g := r.Backend + ", " + r.Work; g != group {
			group = g
			y += 12
			fmt.Fprintf(&body, "<text x='8' y='%d' font-weight='bold'>%s</text>\n", y+12, g)
		}
		color, length, cut := "#b0b7c3", r.ToOurs, ""
		switch r.Library {
		case ours:
			color = "#2f6f4f"
		case bare:
			color = "#d9b44a"
		}
		if length > widest {
			length, cut = widest, " →"
		}
		fmt.Fprintf(&body, "<text x='%d' y='%d' text-anchor='end'>%s</text>\n", left-6, y+12, r.Library)
		fmt.Fprintf(&body, "<rect x='%d' y='%d' width='%.1f' height='12' fill='%s'/>\n", left, y+2, length*unit, color)
		fmt.Fprintf(&body, "<text x='%.1f' y='%d'>%.2f%s</text>\n", left+length*unit+6, y+12, r.ToOurs, cut)
		y += height
	}
	_, err := fmt.Fprintf(w, `<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' font-size='12'>
<rect width='100%%' height='100%%' fill='white'/>
<text x='8' y='18'>Overhead of a request above the bare recorder; cloakroom's is 1</text>
%s</svg>
`, left+widest*unit+80, y+20, body.String())
	return err
}
