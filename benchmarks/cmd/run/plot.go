package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A panel has lying bars for each name, the first name on top.
type panel struct {
	title  string
	names  []string
	series []barSeries
}

// A barSeries is one bar for each name, all of a colour but those of ours.
type barSeries struct {
	name   string
	values []float64
}

// ours is the name whose bars stand out.
const ours = "velithon"

// barColours are those of the series, of all names and of ours.
var barColours = []struct{ all, ours color.Color }{
	{color.RGBA{R: 0xc9, G: 0xd3, B: 0xdd, A: 0xff}, color.RGBA{R: 0xff, G: 0xbf, B: 0x80, A: 0xff}},
	{color.RGBA{R: 0x8c, G: 0xa0, B: 0xb3, A: 0xff}, color.RGBA{R: 0xe8, G: 0x6c, B: 0x00, A: 0xff}},
}

const (
	barWidth  = vg.Length(8)
	fontSize  = vg.Length(10)
	plotWidth = 18 * vg.Centimeter
	margin    = vg.Length(10)
	panelGap  = vg.Length(14)
)

// axisLabel says what the bars are and which are the good ones.
const axisLabel = "time in multiples of hand-written fasthttp, the line at 1; lower is better"

// drawPanels draws panels below each other, with the note below the last, into an
// SVG file.
func drawPanels(file, note string, panels []panel) error {
	var total vg.Length
	for _, p := range panels {
		total += p.height()
	}
	canvas, err := draw.NewFormattedCanvas(plotWidth, total+2*margin, strings.TrimPrefix(filepath.Ext(file), "."))
	if err != nil {
		return err
	}
	all := draw.Crop(draw.New(canvas), margin, -margin, margin, -margin)
	below := total
	for i, p := range panels {
		drawn, err := p.plot()
		if err != nil {
			return err
		}
		if i == len(panels)-1 {
			drawn.X.Label.Text += "\n" + note
		}
		above := total - below
		below -= p.height()
		drawn.Draw(draw.Crop(all, 0, 0, below+panelGap, -above))
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	return os.WriteFile(file, withFallbacks(svg.Bytes()), 0o644)
}

// withFallbacks names fonts of about the same widths beside the one that the text
// was laid out for: without it a browser takes any, and labels run into bars.
func withFallbacks(svg []byte) []byte {
	const family = "font-family:Liberation Sans;"
	return bytes.ReplaceAll(svg, []byte(family), []byte("font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;"))
}

func (p *panel) height() vg.Length {
	return vg.Length(len(p.names))*barWidth*vg.Length(len(p.series)+1) + 2.4*vg.Centimeter + panelGap
}

func (p *panel) plot() (*plot.Plot, error) {
	drawn := plot.New()
	drawn.Title.Text, drawn.Title.Padding = p.title, vg.Length(8)
	for _, style := range []*text.Style{&drawn.Title.TextStyle, &drawn.X.Label.TextStyle, &drawn.X.Tick.Label, &drawn.Y.Tick.Label, &drawn.Legend.TextStyle} {
		style.Font.Variant = "Sans"
		style.Font.Size = fontSize
	}
	drawn.Legend.Top, drawn.Legend.Padding = true, vg.Length(3) // beside the shortest bars
	for i, s := range p.series {
		offset := (vg.Length(len(p.series)-1)/2 - vg.Length(i)) * barWidth
		colours := barColours[i%len(barColours)]
		all, err := bars(p.pick(s.values, false), offset, colours.all)
		if err != nil {
			return nil, err
		}
		own, err := bars(p.pick(s.values, true), offset, colours.ours)
		if err != nil {
			return nil, err
		}
		labels, err := barLabels(fromBelow(s.values), offset)
		if err != nil {
			return nil, err
		}
		drawn.Add(all, own, labels)
		drawn.Legend.Add(s.name, all)
	}
	base, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.5}, {X: 1, Y: float64(len(p.names)) - 0.5}})
	if err != nil {
		return nil, err
	}
	base.Dashes = []vg.Length{2, 2}
	drawn.Add(base)
	drawn.NominalY(fromBelow(p.names)...)
	drawn.X.Label.Text, drawn.X.Label.Padding = axisLabel, vg.Length(3)
	drawn.X.Min = 0
	drawn.X.Max *= 1.08 // room for the labels
	return drawn, nil
}

// pick returns the values of ours or those of the others, from below, with zeros in
// place of the rest.
func (p *panel) pick(values []float64, own bool) []float64 {
	picked := make([]float64, len(values))
	for i, name := range p.names {
		if (name == ours) == own {
			picked[i] = values[i]
		}
	}
	return fromBelow(picked)
}

// fromBelow is the order in which bars are drawn.
func fromBelow[T any](values []T) []T {
	reversed := slices.Clone(values)
	slices.Reverse(reversed)
	return reversed
}

func bars(values []float64, offset vg.Length, fill color.Color) (*plotter.BarChart, error) {
	chart, err := plotter.NewBarChart(plotter.Values(values), barWidth)
	if err != nil {
		return nil, err
	}
	chart.Horizontal = true
	chart.LineStyle.Width = 0
	chart.Color, chart.Offset = fill, offset
	return chart, nil
}

func barLabels(values []float64, offset vg.Length) (*plotter.Labels, error) {
	var at plotter.XYLabels
	for i, value := range values {
		at.XYs = append(at.XYs, plotter.XY{X: value, Y: float64(i)})
		at.Labels = append(at.Labels, fmt.Sprintf("%.2f", value))
	}
	labels, err := plotter.NewLabels(at)
	if err != nil {
		return nil, err
	}
	labels.Offset.X, labels.Offset.Y = vg.Length(3), offset-vg.Length(3)
	for i := range labels.TextStyle {
		labels.TextStyle[i].Font.Variant = "Sans"
		labels.TextStyle[i].Font.Size = barWidth
	}
	return labels, nil
}
