package ratelimit

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/routing"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

func byKey(raw *fasthttp.RequestCtx) string { return string(raw.Request.Header.Peek("X-Key")) }

// A clock goes on when it is told to.
type clock struct{ time.Time }

func newLimit(o Options) (*Limit, *clock) {
	o.Key = byKey
	l, c := New(o), &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	l.now = func() time.Time { return c.Time }
	return l, c
}

func app(t *testing.T, l *Limit) fasthttp.RequestHandler {
	t.Helper()
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { require.NoError(t, app.Shutdown(context.Background())) })
	app.Use(l.Middleware)
	app.Handle("GET", "/", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", nil }))
	return app.Handler()
}

// ask returns the status, RateLimit and Retry-After.
func ask(handler fasthttp.RequestHandler, key string) string {
	var raw fasthttp.RequestCtx
	raw.Request.SetRequestURI("/")
	raw.Request.Header.Set("X-Key", key)
	handler(&raw)
	header := &raw.Response.Header
	return fmt.Sprintf("%d %s %s", raw.Response.StatusCode(), header.Peek("RateLimit"), header.Peek("Retry-After"))
}

func TestLimit(t *testing.T) {
	l, clock := newLimit(Options{Requests: 60, Window: time.Minute, Burst: 2})
	handler := app(t, l)
	require.Equal(t, `200 "default";r=1;t=1 `, ask(handler, "ada"))
	require.Equal(t, `200 "default";r=0;t=2 `, ask(handler, "ada"))
	require.Equal(t, `429 "default";r=0;t=2 1`, ask(handler, "ada"))
	require.Equal(t, `200 "default";r=1;t=1 `, ask(handler, "bob"), "each has its own")
	require.Equal(t, `200  `, ask(handler, ""), "is not limited")
	clock.Time = clock.Add(999 * time.Millisecond)
	require.Equal(t, `429 "default";r=0;t=2 1`, ask(handler, "ada"))
	clock.Time = clock.Add(time.Millisecond)
	require.Equal(t, `200 "default";r=0;t=2 `, ask(handler, "ada"))
	clock.Time = clock.Add(time.Hour)
	require.Equal(t, `200 "default";r=1;t=1 `, ask(handler, "ada"), "no more than a burst is saved")

	var raw fasthttp.RequestCtx
	raw.Request.SetRequestURI("/")
	raw.Request.Header.Set("X-Key", "ada")
	handler(&raw)
	require.Equal(t, `"default";q=60;w=60`, string(raw.Response.Header.Peek("RateLimit-Policy")))
}

// Who sends many keys takes no more memory than the clients that are kept.
func TestAFloodOfKeysIsBounded(t *testing.T) {
	l, _ := newLimit(Options{Requests: 1, Window: time.Hour, Clients: 1000})
	handler := app(t, l)
	long := strings.Repeat("k", 1000)
	for i := range 1000 {
		ask(handler, fmt.Sprint(long, i))
	}
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	for i := range 20_000 {
		ask(handler, fmt.Sprint(long, "more", i))
	}
	require.Less(t, heap(), before+1<<20)
	require.Len(t, l.clients, 1000)
	require.Equal(t, 1000, l.recent.Len())
	require.Equal(t, "429", ask(handler, long+"more19999")[:3], "the last are known")
	require.Equal(t, "200", ask(handler, long+"more1")[:3], "the first are not")
}

// Who goes on asking is not forgotten for others' keys.
func TestTheOneSeenLongestAgoIsForgotten(t *testing.T) {
	l, _ := newLimit(Options{Requests: 1, Window: time.Hour, Clients: 2})
	handler := app(t, l)
	ask(handler, "ada")
	for i := range 10 {
		ask(handler, fmt.Sprint(i))
		require.Equal(t, "429", ask(handler, "ada")[:3])
	}
}

func TestMistakes(t *testing.T) {
	for want, o := range map[string]Options{
		"0 requests in 1s, at most 0 at once, of 100000 clients: want more than 0 of each":  {Window: time.Second, Key: byKey},
		"1 requests in 0s, at most 1 at once, of 100000 clients: want more than 0 of each":  {Requests: 1, Key: byKey},
		"1 requests in 1s, at most -1 at once, of 100000 clients: want more than 0 of each": {Requests: 1, Window: time.Second, Burst: -1, Key: byKey},
		"the window 1ms is shorter than a second, which is the unit that clients are told":  {Requests: 1, Window: time.Millisecond, Key: byKey},
		"Options.Key is nil: say whose a request is":                                        {Requests: 1, Window: time.Second},
	} {
		require.PanicsWithValue(t, "ratelimit: "+want, func() { New(o) })
	}
}
