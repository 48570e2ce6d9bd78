package dashboard_test

import (
	"log/slog"
	"testing"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header()          // starts the date goroutine, which never ends
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures are expected here
	// fasthttp's workers are cleaned up by a goroutine that outlives a shutdown by ten seconds.
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}
