package figures_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/benchmarks/figures"
)

const results = `toolchain: go1.27
round: 1
Benchmark/item=order/layer=handler/peer=floor-2  100  1000 ns/op  1500 cpu-ns/op  10 B/op  1 allocs/op
Benchmark/item=order/layer=handler/peer=fast-2   100  1100 ns/op  20 B/op  2 allocs/op
round: 2
Benchmark/item=order/layer=handler/peer=fast-2   100  4400 ns/op  20 B/op  2 allocs/op
Benchmark/item=order/layer=handler/peer=floor-2  100  2000 ns/op  10 B/op  1 allocs/op
round: 3
Benchmark/item=order/layer=handler/peer=floor-2  100  1000 ns/op  1500 cpu-ns/op  10 B/op  1 allocs/op
Benchmark/item=order/layer=handler/peer=fast-2   100  1200 ns/op  3000 cpu-ns/op  20 B/op  2 allocs/op
Benchmark/item=tasks/layer=handler/peer=fast-2   100  1500 ns/op  20 B/op  6 allocs/op
`

var order = figures.Group{Toolchain: "go1.27", Layer: "handler", Item: "order"}

func read(t *testing.T) *figures.Set {
	t.Helper()
	set := new(figures.Set)
	require.NoError(t, set.Read(strings.NewReader(results)))
	return set
}

func TestRatiosPairTheRounds(t *testing.T) {
	ratios := read(t).Ratios(order, "fast", "floor", figures.Time)
	assert.Equal(t, 3, ratios.N)
	assert.InDelta(t, 1.2, ratios.Median, 1e-9)
	assert.InDelta(t, 1.15, ratios.Low, 1e-9)
	assert.InDelta(t, 1.7, ratios.High, 1e-9)
}

func TestDifferencesPairTheRounds(t *testing.T) {
	tasks := order
	tasks.Item = "tasks"
	set := read(t)
	assert.InDelta(t, 300e-9, set.Differences(tasks, order, "fast", figures.Time).Median, 1e-12)
	assert.InDelta(t, 4, set.Differences(tasks, order, "fast", figures.Allocs).Median, 1e-9)
	assert.Zero(t, set.Differences(tasks, order, "floor", figures.Time).N)
}

func TestTables(t *testing.T) {
	set := read(t)
	assert.Equal(t, []string{"go1.27"}, set.Toolchains())
	var b strings.Builder
	set.Compare(order, []string{"floor", "absent", "fast"}, "floor").WriteMarkdown(&b)
	assert.Equal(t, `| peer | ns/op | × floor | CPU ns/op | × floor | B/op | allocs/op |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| floor | 1000 | 1.00 (1.00–1.00) | 1500 | 1.00 (1.00–1.00) | 10 | 1 |
| fast | 1200 | 1.20 (1.15–1.70) | 3000 | 2.00 (2.00–2.00) | 20 | 2 |
`, b.String())
}

func TestTableOfGivenColumns(t *testing.T) {
	var b strings.Builder
	read(t).Table(order, []string{"fast"}, "floor", []figures.Column{
		{Head: "µs", Unit: figures.Time, Scale: 1e6, Ratio: "time ×", Range: true},
		{Head: "none", Unit: "none", Scale: 1},
	}).WriteMarkdown(&b)
	assert.Equal(t, `| peer | µs | time × floor | none |
| --- | ---: | ---: | ---: |
| fast | 1.2 (1.1–2.8) | 1.20 (1.15–1.70) | 0 |
`, b.String())
}
