package velithontest_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// quiet is a logger for tests whose log nobody reads.
var quiet = slog.New(slog.DiscardHandler)
