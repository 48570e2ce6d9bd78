// Package velithontest tests an app: it serves it in memory, sends it requests, and
// puts its background work under the control of the test.
//
//	kit := velithontest.New(t, newApp())
//	answer := velithontest.Post[created](kit, "/order", order{Email: "ada@example.org"})
//	require.Equal(t, 201, answer.Status)
//	require.Len(t, kit.Wait(), 2) // tasks
//
// Everything works inside and outside of the bubbles of [testing/synctest]. In a bubble
// the time between two attempts, or until a task is due, takes no time.
package velithontest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// fasthttp's clock is a goroutine that never ends. A header starts it, here and not in
// the first bubble.
var _ = new(fasthttp.ResponseHeader).Header()

// How long the kit waits for the app, before the test fails. In a bubble a year goes by
// at once.
const (
	maxWait         = 30 * time.Second
	maxWaitInBubble = 365 * 24 * time.Hour
)

// A Kit serves an app in memory until its test ends. It is made by [New]. Its methods,
// and the functions that take it, may be called by any number of goroutines of the test,
// but those that end the test on a failure only by the test's own, as
// [testing.T.FailNow] has it.
type Kit struct {
	// Client sends its requests to the app, whatever their host: "/order" alone will
	// do as a URL. It follows no redirects, keeps no cookies, and asks for no
	// compression. Each request has a connection of its own.
	Client *http.Client

	t     testing.TB
	app   *velithon.App
	limit time.Duration
	tasks tasks

	mu    sync.Mutex // guards conns
	conns []*conn    // whose serving may not have ended
}

// New serves app until t ends, and shuts it down then, for which background work has 30
// seconds. The test fails if that does not end in time, or a connection does not; tasks
// that are due later, and what a shutdown of the test's own has stopped, do not fail it.
//
// The app must not have been given background work yet. Nothing of it is fixed before
// the first request: routes and overrides may be added until then.
func New(t testing.TB, app *velithon.App) *Kit {
	t.Helper()
	k := &Kit{t: t, app: app, limit: maxWait}
	if time.Now().Year() <= 2000 { // the clock of a bubble begins with 2000
		k.limit = maxWaitInBubble
	}
	k.tasks.changed = make(chan struct{})
	app.Runner().Use(k.tasks.around)
	k.Client = &http.Client{
		Transport:     &transport{k, http.Transport{DialContext: k.Dial, DisableKeepAlives: true, DisableCompression: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(k.shutdown)
	return k
}

// Override has the app take value in place of what its providers of T make, for all
// requests: see [routing.Override], which takes a function. It panics after the first
// request.
func Override[T any](k *Kit, value T) {
	routing.Override(k.app.Router, func(context.Context, struct{}) (T, error) { return value, nil })
}

func (k *Kit) shutdown() {
	k.Release()
	before := k.wasShutDown()
	ctx, cancel := context.WithTimeout(context.Background(), k.limit)
	defer cancel()
	err := k.app.Shutdown(ctx)
	drain, ok := errors.AsType[*background.DrainError](err)
	switch {
	case err == nil || errors.Is(err, background.ErrDueLater):
	case before && ok && len(drain.Running) == 0: // the test was told by its own
	default:
		k.t.Errorf("velithontest: shut down the app: %v", err)
	}
	for _, c := range k.all() {
		select {
		case <-c.served:
		case <-ctx.Done():
			if !c.isServed() {
				k.t.Errorf("velithontest: a connection is still served")
			}
		}
	}
}

// wasShutDown reports whether the test has shut the app down itself.
func (k *Kit) wasShutDown() bool {
	v, err := k.app.Runner().Reserve(background.Func("velithontest", func(context.Context) error { return nil }))
	v.Cancel()
	return errors.Is(err, background.ErrClosed)
}

// A transport sends requests to the app.
type transport struct {
	kit  *Kit
	http http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	var used *conn
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { used = info.Conn.(*conn) }}
	request = request.Clone(httptrace.WithClientTrace(request.Context(), trace))
	if request.URL.Host == "" {
		request.URL.Host = "app.example"
	}
	request.URL.Scheme = "http"
	response, err := t.http.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = used.reads(response.Body)
	return response, nil
}
