package main

import (
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A barSeries is one bar for each name, all of a colour.
type barSeries struct {
	name   string
	values []float64
}

var barColours = []color.Color{
	color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff},
	color.RGBA{R: 0xff, G: 0xa0, B: 0x40, A: 0xff},
}

const (
	barWidth = vg.Length(8)
	fontSize = vg.Length(10)
)

// drawBars draws lying bars, the first name at the bottom, with their values
// beside them, into a file whose extension says its format.
func drawBars(file, title string, names []string, series []barSeries) error {
	p := newPlot(title)
	for i, s := range series {
		offset := (vg.Length(len(series)-1)/2 - vg.Length(i)) * barWidth
		bars, err := plotter.NewBarChart(plotter.Values(s.values), barWidth)
		if err != nil {
			return err
		}
		bars.Horizontal = true
		bars.LineStyle.Width = 0
		bars.Color = barColours[i%len(barColours)]
		bars.Offset = offset
		labels, err := barLabels(s.values, offset)
		if err != nil {
			return err
		}
		p.Add(bars, labels)
		p.Legend.Add(s.name, bars)
	}
	p.NominalY(names...)
	p.X.Max *= 1.08 // room for the labels
	height := vg.Length(len(names))*barWidth*vg.Length(len(series)+1) + 2*vg.Centimeter
	return save(p, 18*vg.Centimeter, height, file)
}

// save is p.Save with a margin.
func save(p *plot.Plot, width, height vg.Length, file string) (err error) {
	canvas, err := draw.NewFormattedCanvas(width, height, strings.TrimPrefix(filepath.Ext(file), "."))
	if err != nil {
		return err
	}
	const margin = 10
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = canvas.WriteTo(f)
	return err
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.Title.Padding = title, vg.Length(8)
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
		style.Font.Size = fontSize
	}
	p.Legend.Top, p.Legend.Padding = true, vg.Length(3) // beside the shortest bars
	p.X.Min = 0
	return p
}

func barLabels(values []float64, offset vg.Length) (*plotter.Labels, error) {
	var at plotter.XYLabels
	for i, value := range values {
		at.XYs = append(at.XYs, plotter.XY{X: value, Y: float64(i)})
		at.Labels = append(at.Labels, fmt.Sprintf("%.2g", value))
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
