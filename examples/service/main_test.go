package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// testTimeout bounds what would otherwise hang when a test fails.
const testTimeout = 30 * time.Second

// A rig is a service that runs on a real socket.
type rig struct {
	t      *testing.T
	app    *velithon.App
	url    string
	served chan error // gets what Serve returned
	log    buffer
	audit  buffer
}

// start runs a service with two customers until the test ends. change may
// change it before.
func start(t *testing.T, change func(*service)) *rig {
	t.Helper()
	r := &rig{t: t, served: make(chan error, 1)}
	keys, err := parseKeys("ada=key of ada,grace=key of grace")
	require.NoError(t, err)
	logger := slog.New(slog.NewJSONHandler(&r.log, nil))
	s := &service{
		config: config{
			keys:            keys,
			mailRetry:       background.Retry{Attempts: 3, Backoff: time.Nanosecond},
			mailTimeout:     testTimeout,
			requestTimeout:  testTimeout,
			shutdownTimeout: testTimeout,
		},
		logger: logger,
		store:  newMemoryStore(),
		mailer: mailLog{logger},
		audit:  newAudit(&r.audit),
	}
	if change != nil {
		change(s)
	}
	r.app = s.app()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.url = "http://" + listener.Addr().String()
	go func() { r.served <- r.app.Serve(listener) }()
	t.Cleanup(r.stop)
	return r
}

// stop ends the service and waits for its background work.
func (r *rig) stop() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	if err := r.app.Shutdown(ctx); err != nil {
		// Tasks that a test has stopped are told by every shutdown from then on.
		var drain *background.DrainError
		require.ErrorAs(r.t, err, &drain)
		require.Empty(r.t, drain.Running)
		require.Empty(r.t, drain.Waiting)
	}
}

// An answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as a customer, as nobody if that is empty, with a body of
// JSON if there is one.
func (r *rig) do(customer, method, path, body string) answer {
	r.t.Helper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	require.NoError(r.t, err)
	request.Close = true
	if customer != "" {
		request.Header.Set("Authorization", "Bearer key of "+customer)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(r.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	return answer{response.StatusCode, response.Header, string(content)}
}

const twoBooks = `{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}`

// order creates an order, which must succeed.
func (r *rig) order(customer string) order {
	r.t.Helper()
	got := r.do(customer, "POST", "/api/v1/orders", twoBooks)
	require.Equal(r.t, 201, got.status, got.body)
	return decode[order](r.t, got.body)
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	return v
}

// A buffer is what a log is written to.
type buffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// records returns the records whose field key has the given value.
func (b *buffer) records(t *testing.T, key, value string) (found []map[string]any) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		if record := decode[map[string]any](t, line); record[key] == value {
			found = append(found, record)
		}
	}
	return found
}

// await fails the test when nothing comes in time.
func await[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(testTimeout):
		require.FailNow(t, "still waiting for "+what)
		panic("unreachable")
	}
}
