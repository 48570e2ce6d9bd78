package main

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

func TestCompare(t *testing.T) {
	var said strings.Builder
	require.NoError(t, compare(2, 50*time.Millisecond, log.New(&said, "", 0)))
	assert.Contains(t, said.String(), "in the median of 2 pairs")
}

// There are tasks in each state.
func TestBegin(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, begin(t.Context(), app, false))
	require.Eventually(t, func() bool {
		n := app.Runner().Stats()
		return n.Running == 3 && n.Limited == 2 && n.Scheduled == 2 && n.Retrying == 2 && n.Failed == 2 && n.Succeeded == 1
	}, 10*time.Second, 5*time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Error(t, app.Shutdown(ctx), "some run until they are told to end")
}

// So many wait, and so many end.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Runner: background.RunnerOptions{Workers: workers}, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, begin(t.Context(), app, false))
		ctx, cancel := context.WithCancel(t.Context())
		go load(ctx, app.Runner(), 100, 1000)
		time.Sleep(10 * time.Second)
		n := app.Runner().Stats()
		assert.InDelta(t, 10_000, n.Succeeded, 200)
		assert.InDelta(t, 105, n.Queued, 10)
		cancel()
		ended, end := context.WithCancel(t.Context())
		end()
		require.Error(t, app.Shutdown(ended))
	})
}
