package durable_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if place := os.Getenv(childEnv); place != "" {
		runChild(place)
		return
	}
	if os.Getenv(postgresEnv) == "" {
		fmt.Printf("only the half for SQLite is tested: for PostgreSQL set %s to the URL of a server, such as one of .ci/postgres\n", postgresEnv)
	}
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// quiet is a logger for tests whose log nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// patience bounds what would otherwise hang when a test fails.
const patience = 30 * time.Second

// eventually waits until f returns true. The engine goes by the real clock.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	require.Eventually(t, f, patience, 5*time.Millisecond, what)
}

// within returns a context that ends after patience.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
