package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/benchmarks/figures"
)

const results = `command: go run ./cmd/run -count 1
command: go run ./cmd/run -count 1 -layers sockets  # 2026-11-25
cpu: Some CPU
toolchain: go1.27
round: 1
Benchmark/item=order/layer=handler/peer=floor-2     100  1000 ns/op  1500 cpu-ns/op  10 B/op  1 allocs/op
Benchmark/item=order/layer=handler/peer=velithon-2  100  1100 ns/op  1600 cpu-ns/op  20 B/op  2 allocs/op
Benchmark/item=tasks/layer=handler/peer=velithon-2  100  1500 ns/op  2600 cpu-ns/op  20 B/op  6 allocs/op
Benchmark/item=order/layer=sockets/peer=floor       100  1000 ns/op  2000 cpu-ns/op  50000 req/s  100000 p50-ns  200000 p99-ns
`

func TestReport(t *testing.T) {
	r, err := newReport([]byte(results))
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "RESULTS.md")
	require.NoError(t, r.Write(name))

	text, err := os.ReadFile(name)
	require.NoError(t, err)
	for _, part := range []string{
		"\n```sh\ngo run ./cmd/run -count 1\ngo run ./cmd/run -count 1 -layers sockets  # 2026-11-25\n```\n", "- CPU: Some CPU, ", "- Rounds: 1;", "](RESULTS.svg)",
		"## Order, the handler alone, go1.27\n", "| velithon | 1100 | 1.10 (1.10–1.10) | 1600 |",
		"## Two background tasks, the handler alone, go1.27\n", "| velithon | 400 (400–400) | 4 |",
		"## Order, on sockets, go1.27\n", "| floor | 50000 | 1.00 (1.00–1.00) | 2000 | 1.00 (1.00–1.00) | 100 | 200 |",
	} {
		assert.Contains(t, string(text), part)
	}
	image, err := os.ReadFile(filepath.Join(filepath.Dir(name), "RESULTS.svg"))
	require.NoError(t, err)
	for _, part := range []string{
		">velithon<", ">1.10<", ">Order: ", "lower is better<", ">Some CPU, go1.27, 2026-11-25<", "font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;",
	} {
		assert.Contains(t, string(image), part)
	}
	assert.NotContains(t, string(image), "font-family:Liberation")
	assert.NotContains(t, string(image), ">floor<", "it is the line at 1")
}

func TestMeasureAndCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this builds the benchmarks, which takes a minute")
	}
	text, err := measure(context.Background(), config{
		layers: layerNames, items: []string{"tasks"}, peers: []string{"floor", "velithon"},
		count: 2, benchtime: "10x", connections: 2, requests: 20,
	})
	require.NoError(t, err)
	var set figures.Set
	require.NoError(t, set.Read(bytes.NewReader(text)))
	require.Len(t, set.Toolchains(), 1)
	for _, layer := range layerNames {
		g := figures.Group{Toolchain: set.Toolchains()[0], Layer: layer, Item: "tasks"}
		assert.Equal(t, 2, set.Ratios(g, "velithon", "floor", figures.Time).N, layer)
	}
}

func TestUnknownNames(t *testing.T) {
	_, err := measure(context.Background(), config{layers: []string{"moon"}})
	assert.EqualError(t, err, `there is no layer "moon", only handler, pipe, sockets`)
}
