package responses_test

import (
	"testing"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine here, and not in a bubble
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		// fasthttp's own: its cleaner outlives Shutdown by some seconds, and the
		// workers that compress never end.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"),
	)
}
