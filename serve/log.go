package serve

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/valyala/fasthttp"
)

// fasthttpLogger passes fasthttp's few messages on. Most are about clients that
// sent nonsense or broke off, which a service on the internet sees all day. One
// is about a panic of a response's own body, from which fasthttp recovers.
type fasthttpLogger struct{ *slog.Logger }

func (l fasthttpLogger) Printf(format string, args ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(format, "error when serving connection") {
		level = slog.LevelDebug
	}
	for _, arg := range args {
		if _, ok := arg.(*fasthttp.ErrBodyStreamWritePanic); ok {
			level = slog.LevelError
		}
	}
	logSafely(l.Logger, level, fmt.Sprintf(format, args...))
}

// logSafely writes a record. If the log's handler panics the record is lost:
// nobody is left to tell, and without the recover the process would end.
func logSafely(logger *slog.Logger, level slog.Level, message string, args ...any) {
	defer func() { _ = recover() }()
	logger.Log(context.Background(), level, message, args...)
}
