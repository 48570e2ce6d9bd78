package main

import (
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/routing"
)

// accessLog writes a record for each request. The path has values of the client;
// the route, which is empty where none has matched, has none.
func accessLog(logger *slog.Logger) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			start := time.Now()
			next(raw)
			route, _ := routing.RouteOf(raw)
			logger.LogAttrs(raw, slog.LevelInfo, "request",
				slog.String("request_id", routing.RequestID(raw)),
				slog.String("method", string(raw.Method())),
				slog.String("path", string(raw.URI().PathOriginal())),
				slog.String("route", route.Pattern),
				slog.Int("status", routing.SentStatus(raw)),
				slog.Duration("took", time.Since(start)))
		}
	}
}
