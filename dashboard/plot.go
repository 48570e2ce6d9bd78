package dashboard

import (
	"fmt"
	"strings"
)

// A plot is a line of the last minutes, as SVG.
type plot struct {
	Label       string // with what it shows, for those who don't see it
	Name        string
	Now, Most   string
	Line, Below string // the points of the line, and of the area below it
}

// Of a plot, in units of its own.
const plotWidth, plotHeight = 240, 48

// plotOf plots a value of each sample, which may compare it with the one before.
func plotOf(name string, all []*sample, of func(before, s *sample) float64) plot {
	var values []float64
	most := 0.0
	for i, s := range all {
		values = append(values, of(all[max(i-1, 0)], s))
		most = max(most, values[i])
	}
	last := all[len(all)-1]
	var line strings.Builder
	x := 0.0
	first := plotWidth + 1.0
	for i, v := range values {
		// The right edge is now, and the left one as long ago as samples are kept.
		x = plotWidth * (1 - last.at.Sub(all[i].at).Seconds()/(samplesKept*sampleEvery).Seconds())
		first = min(first, x)
		y := plotHeight - 2.0
		if most > 0 {
			y -= v / most * (plotHeight - 4)
		}
		fmt.Fprintf(&line, "%.1f,%.1f ", x, y)
	}
	now := values[len(values)-1]
	return plot{
		Name: name, Now: number(now), Most: number(most),
		Label: fmt.Sprintf("%s: %s now, at most %s in the last five minutes", name, number(now), number(most)),
		Line:  line.String(),
		Below: fmt.Sprintf("%.1f,%d %s%.1f,%d", first, plotHeight, line.String(), x, plotHeight),
	}
}
