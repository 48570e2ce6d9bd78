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
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}
