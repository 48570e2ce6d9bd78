package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ended calls f on a goroutine of its own, and waits for its end.
func ended(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

// logged returns the records that use writes with hooks that have attrs, without their
// times.
func logged(t *testing.T, attrs func(context.Context) []slog.Attr, use func(*Hooks)) (records []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	hooks := &Hooks{Logger: slog.New(slog.NewJSONHandler(&log, nil)), Attrs: attrs}
	ended(func() { use(hooks) })
	for d := json.NewDecoder(&log); d.More(); {
		var record map[string]any
		require.NoError(t, d.Decode(&record))
		delete(record, "time")
		records = append(records, record)
	}
	return records
}

func panics() { panic("boom") }

func TestCall(t *testing.T) {
	records := logged(t, nil, func(h *Hooks) {
		h.Call(t.Context(), "absent", nil)
		h.Call(t.Context(), "good", func() {})
		h.Call(t.Context(), "bad", panics)
		h.Call(t.Context(), "exits", runtime.Goexit)
	})
	require.Len(t, records, 1)
	assert.Contains(t, records[0]["stack"], "guard.panics")
	delete(records[0], "stack")
	assert.Equal(t, map[string]any{"level": "ERROR", "msg": "background hook panicked", "hook": "bad", "panic": "boom"}, records[0])
}

func TestLog(t *testing.T) {
	type key struct{}
	write := func(h *Hooks) {
		h.Log(context.WithValue(t.Context(), key{}, 7), slog.LevelWarn, "told", slog.Int("a", 1))
	}
	plain := map[string]any{"level": "WARN", "msg": "told", "a": 1.}
	assert.Equal(t, []map[string]any{plain}, logged(t, nil, write))
	assert.Equal(t, []map[string]any{{"level": "WARN", "msg": "told", "a": 1., "b": 7.}},
		logged(t, func(ctx context.Context) []slog.Attr { return []slog.Attr{slog.Any("b", ctx.Value(key{}))} }, write))

	records := logged(t, func(context.Context) []slog.Attr { panic("boom") }, write)
	require.Len(t, records, 2)
	assert.Equal(t, "LogAttrs", records[0]["hook"])
	assert.Equal(t, plain, records[1])
	assert.Equal(t, []map[string]any{plain}, logged(t, func(context.Context) []slog.Attr { runtime.Goexit(); return nil }, write))
}

// TestLogsToTheDefault as it is at that time.
func TestLogsToTheDefault(t *testing.T) {
	var hooks Hooks
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	hooks.Log(t.Context(), slog.LevelInfo, "told")
	assert.Contains(t, log.String(), "msg=told")
}

// handler is a log handler that fails.
type handler struct {
	slog.Handler
	fail func()
}

func (h handler) Enabled(context.Context, slog.Level) bool  { return true }
func (h handler) Handle(context.Context, slog.Record) error { h.fail(); return nil }

func TestLogHandlerMayPanic(t *testing.T) {
	hooks := &Hooks{Logger: slog.New(handler{slog.DiscardHandler, panics})}
	hooks.Log(t.Context(), slog.LevelInfo, "lost")
	hooks.Call(t.Context(), "bad", panics)
}

func TestEach(t *testing.T) {
	for exits := range 1 << 4 {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var seen []int
			ended(func() {
				Each([]int{0, 1, 2, 3}, func(i int) {
					time.Sleep(time.Second)
					seen = append(seen, i)
					if exits>>i&1 == 1 {
						runtime.Goexit()
					}
				})
				assert.Zero(t, exits, "the goroutine ends")
			})
			assert.Equal(t, []int{0, 1, 2, 3}, seen, "%b", exits)
			assert.Equal(t, 4*time.Second, time.Since(began), "one after the other")
		})
	}
}

// careless is an error whose methods do not bear a nil pointer.
type careless struct{ inner error }

func (c *careless) Error() string { return c.inner.Error() }
func (c *careless) Unwrap() error { return c.inner }

type mark struct{ error }

func TestAs(t *testing.T) {
	found, ok := As[mark](fmt.Errorf("b: %w", &careless{errors.Join(io.EOF, mark{io.EOF})}))
	assert.True(t, ok)
	assert.Equal(t, mark{io.EOF}, found)
	for _, err := range []error{nil, io.EOF, (*careless)(nil), fmt.Errorf("b: %w", (*careless)(nil))} {
		_, ok = As[mark](err)
		assert.False(t, ok)
	}
}
