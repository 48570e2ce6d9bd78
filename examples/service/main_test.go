package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/velithontest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // outlives a listener by 10 s
	)
}

// testTimeout is longer than anything in a test takes.
const testTimeout = 30 * time.Second

// A rig is a service with its logs.
type rig struct {
	*velithontest.Kit
	t     *testing.T
	app   *velithon.App
	log   buffer
	audit buffer
}

// start runs a service with two customers until the test ends. change may
// change it before.
func start(t *testing.T, change func(*service)) *rig {
	t.Helper()
	r := &rig{t: t}
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
	r.Kit = velithontest.New(t, r.app)
	return r
}

// as is the field of a request that a customer makes.
func as(customer string) string { return "Authorization: Bearer key of " + customer }

const twoBooks = `{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}`

// order creates an order, which must succeed.
func (r *rig) order(customer string) order {
	r.t.Helper()
	got := velithontest.Post[order](r.Kit, "/api/v1/orders", twoBooks, as(customer))
	require.Equal(r.t, 201, got.Status, got.Text)
	return got.Body
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
