package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const results = `command: go run ./cmd/background -count 1
cpu: Some CPU
toolchain: go1.27
round: 1
Benchmark/item=submit/peer=channel-2    100  100 ns/op  150 cpu-ns/op  0 B/op  0 allocs/op
Benchmark/item=submit/peer=velithon-2   100  120 ns/op  160 cpu-ns/op  1 B/op  0 allocs/op
Benchmark/item=handoff/peer=channel-2   100  100 ns/op  100 p50-ns  2000 p99-ns  80 B/op  1 allocs/op
Benchmark/item=handoff/peer=velithon-2  100  100 ns/op  150 p50-ns  3000 p99-ns  400 B/op  4 allocs/op
Benchmark/item=memory/peer=channel-2    1  8.5 B/waiting  1048576 B-burst  0 B-left  0 B-freed  0 B/finished
Benchmark/item=flood/peer=channel-2     1  2000000 ns/op  1000000 p50-ns  2000000 p99-ns  3000000 blocked-ns
`

func TestReport(t *testing.T) {
	r, err := newReport([]byte(results))
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "BACKGROUND.md")
	require.NoError(t, r.Write(name))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	for _, part := range []string{
		"# Background work\n", "\ngo run ./cmd/background -count 1\n", "- CPU: Some CPU, ", "- Rounds: 1;",
		"## Submit: a task submitted to a busy pool, go1.27\n",
		"| velithon | 120 (120–120) | 1.20 (1.20–1.20) | 160 | 1 | 0 |",
		"| velithon | 150 (150–150) | 1.50 (1.50–1.50) | 3000 (3000–3000) | 1.50 (1.50–1.50) | 400 | 4 |",
		"| channel | 8.5 (8.5–8.5) | 1 (1–1) | 0 (0–0) | 0 (0–0) | 0 (0–0) |",
		"| channel | 1 (1–1) | 2 (2–2) | 3 (3–3) | 2 (2–2) |",
	} {
		assert.Contains(t, string(text), part)
	}
}

func TestMeasureAndCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this builds the benchmarks, which takes a minute")
	}
	text, err := measure(context.Background(), config{
		items: []string{"backlog", "sleeps", "flood"}, peers: []string{"bare", "channel", "velithon"}, count: 2,
	})
	require.NoError(t, err)
	r, err := newReport(text)
	require.NoError(t, err)
	assert.Equal(t, 2, r.Rounds)
	require.Len(t, r.Sections, 6)
	for _, s := range r.Sections {
		assert.GreaterOrEqual(t, len(s.Table.Rows), 2, s.Title)
	}
}

func TestUnknownNames(t *testing.T) {
	_, err := measure(context.Background(), config{items: []string{"sleeps", "moon"}})
	require.ErrorContains(t, err, `there is no item "moon", only submit, `)
	_, err = measure(context.Background(), config{peers: []string{"moon"}})
	require.EqualError(t, err, `there is no peer "moon", only bare, velithon, go, channel, errgroup, semaphore, conc, pond, ants`)
}
