package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const results = `command: go run . -count 1
cpu: Some CPU
toolchain: go1.27
round: 1
Benchmark/item=none/peer=velithon-sqlite-2  1  100000 p50-ns  200000 p99-ns  2000 times
Benchmark/item=none/peer=river-sqlite-2     1  100000 p50-ns  300000 p99-ns  2000 times
Benchmark/item=one/peer=velithon-sqlite-2   1  600000 p50-ns  1200000 p99-ns  2000 times
Benchmark/item=one/peer=river-sqlite-2      1  500000 p50-ns  1500000 p99-ns  2000 times
Benchmark/item=one/peer=asynq-2             1  250000 p50-ns  500000 p99-ns  2000 times
Benchmark/item=noops10k/peer=river-sqlite-2     1  2000 tasks/s  20000 stored/s
Benchmark/item=noops10k/peer=velithon-sqlite-2  1  3000 tasks/s  10000 stored/s
`

func TestReport(t *testing.T) {
	r, err := newReport([]byte(results), true)
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "DURABLE.md")
	require.NoError(t, r.Write(name))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	for _, part := range []string{
		"# Durable tasks\n", "\ngo run . -count 1\n", "- CPU: Some CPU, ", "- Rounds: 1;", "- The machine did other work",
		"## One: a response that stores one task\n",
		"| velithon-sqlite | 1 | 2000 | 0.60 (0.60–0.60) | 1.20 (1.20–1.20) | 0.50 (0.50–0.50) | 1.00 (1.00–1.00) | 1.20 (1.20–1.20) | 0.80 (0.80–0.80) |",
		"| asynq | 1 | 2000 | 0.25 (0.25–0.25) | 0.50 (0.50–0.50) |  |  |  |  |",
		"| velithon-sqlite | 1 | 3000 (3000–3000) | 1.50 (1.50–1.50) | 10000 (10000–10000) |",
	} {
		assert.Contains(t, string(text), part)
	}
}

// Every item is measured of every peer that there is a store for, in a small run. Each
// checks what it does: the answers, and that all tasks have ended.
func TestMeasureAndCompare(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := config{
		places: places{SQLite: true, Postgres: os.Getenv("VELITHON_POSTGRES"), Redis: os.Getenv("VELITHON_REDIS")},
		count:  1, divide: 500,
	}
	if c.places.Postgres == "" || c.places.Redis == "" {
		t.Log("without VELITHON_POSTGRES and VELITHON_REDIS what needs those servers is left out")
	}
	items, err := c.chosen()
	require.NoError(t, err)
	text, err := measure(ctx, c)
	require.NoError(t, err)
	r, err := newReport(text, false)
	require.NoError(t, err)
	require.Len(t, r.Sections, len(items))
	for i, s := range r.Sections {
		assert.Len(t, s.Table.Rows, len(items[i].peers), s.Title)
	}
}

func TestTasksThatWaitAreWorked(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m := measurement{peer: "velithon-sqlite", n: batch + 3, places: places{SQLite: true}}
	require.NoError(t, with(ctx, m.peer, m.places, func(place string, q *queue) error {
		require.NoError(t, q.storeAll(ctx, m.n))
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		require.ErrorContains(t, q.awaitEnded(short, m.n), "0 of 1003 tasks have ended: ")
		took, err := workAll(ctx, m, place, 2, 10)
		require.NoError(t, err)
		assert.Positive(t, took)
		return q.awaitEnded(ctx, m.n)
	}))
}

func TestAnswersAreChecked(t *testing.T) {
	m := measurement{peer: "river-sqlite", n: 3, places: places{SQLite: true}}
	_, err := responding("moon", 0)(t.Context(), m)
	require.EqualError(t, err, `no response does "moon"`)
	require.ErrorContains(t, answered(t, errors.New("broken")), "the answer was 503 broken, and not 201 ")
	require.NoError(t, answered(t, nil))

	values, err := responding(doOrderTx, 10)(t.Context(), m)
	require.NoError(t, err)
	require.Len(t, values, 3)
	assert.Positive(t, values[0].amount)
	assert.Equal(t, value{3, unitTimes}, values[2])
}

// answered sends requests to a server whose effect fails with err.
func answered(t *testing.T, err error) error {
	t.Helper()
	listener, failure := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, failure)
	s := byHand(new(atomic.Int64), func(context.Context, order, int) error { return err })
	served := make(chan error, 1)
	go func() { served <- s.serve(listener) }()
	_, err = request(t.Context(), listener.Addr().String(), 3)
	require.NoError(t, s.stop())
	require.NoError(t, <-served)
	return err
}

func TestPercentiles(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(200-i))
	}
	assert.Equal(t, []value{{101, unitP50}, {199, unitP99}, {200, unitTimes}}, percentiles(times))
	assert.Equal(t, []value{{0, unitP50}, {0, unitP99}, {0, unitTimes}}, percentiles(nil))
}

func TestUnknownNames(t *testing.T) {
	_, err := measure(context.Background(), config{})
	require.EqualError(t, err, "there is nothing to measure without -sqlite, -postgres and -redis")
	c := config{places: places{SQLite: true}, items: []string{"moon"}}
	_, err = measure(context.Background(), c)
	require.ErrorContains(t, err, `there is no item "moon", only none, one, `)
	c = config{places: places{SQLite: true}, peers: []string{"moon"}}
	_, err = measure(context.Background(), c)
	require.ErrorContains(t, err, `there is no peer "moon", only velithon-sqlite, `)
}
