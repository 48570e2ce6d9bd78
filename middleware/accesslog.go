package middleware

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// AccessLog writes a record for each request, at level info, once its response has been
// sent, or could not be. Where the logger's level discards it nothing is done.
//
// The record has request_id, method, route, status, bytes, tasks and took, and the trace_id
// of a request that has one: of its span, where package telemetry/otel makes one for all
// requests, or what the caller has sent, by [TraceContext]. route is the
// pattern, which has no values of the client, and is empty where no route has matched. bytes
// are those of the body, of a stream those that were sent; it is missing where nobody knows them, as with a
// stream that is compressed or is not of package responses. tasks are those of the response:
// see [routing.Scheduled]. took begins when the middleware is called, the body having been
// read, and goes on to the end of a stream, and of a connection that was taken over, such as
// a WebSocket's.
//
// It belongs to the app, as the first, so that it sees what the others answer. A request
// that the server itself refuses is not seen, and one whose timeout is over has its record
// before the response is sent. A handler that calls [runtime.Goexit] has a record of another
// kind.
func AccessLog(logger *slog.Logger) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if !logger.Enabled(context.Background(), slog.LevelInfo) {
				next(raw)
				return
			}
			a := &access{logger: logger, raw: raw, start: time.Now()}
			defer a.answered() // also by a panic, which the app answers
			next(raw)
			a.returned = true
		}
	}
}

// An access is a request that will have a record. fasthttp closes it, as a user value, when
// the response is sent.
type access struct {
	logger   *slog.Logger
	raw      *fasthttp.RequestCtx
	start    time.Time
	returned bool

	id, method, route string
	trace             string // its id; empty for none
	isHead            bool
	tasks             int
	body              io.Reader // nil for none that is a stream
}

type accessKey struct{}

// maxMethod is how many bytes of a method a record has: a client may send any.
const maxMethod = 32

func first(text []byte, n int) []byte { return text[:min(len(text), n)] }

// answered takes what is known when the handler has returned.
func (a *access) answered() {
	raw := a.raw
	route, _ := routing.RouteOf(raw)
	a.id, a.method, a.route = routing.RequestID(raw), string(first(raw.Method(), maxMethod)), route.Pattern
	a.isHead = raw.IsHead()
	a.trace = traceID(raw)
	if late := raw.LastTimeoutErrorResponse(); late != nil {
		a.write(late) // nobody closes the values of raw
		return
	}
	if raw.Response.IsBodyStream() {
		a.body = raw.Response.BodyStream()
	}
	if a.returned {
		a.tasks = routing.Scheduled(raw)
	}
	if raw.ConnRequestNum() == 0 && a.body == nil {
		a.write(&raw.Response) // who knows when they are closed
		return
	}
	raw.SetUserValue(accessKey{}, a)
}

// Close implements [io.Closer]: the response was sent, or the client is gone.
func (a *access) Close() error {
	a.write(&a.raw.Response)
	return nil
}

// traceID returns the id of a request's trace, and "" where it has none.
func traceID(raw *fasthttp.RequestCtx) string {
	if o := background.OriginOf(routing.ContextOf(raw)); o != nil { // of a span
		if trace := parseTrace([]byte(o.Values["traceparent"])); trace != nil {
			return trace.ID
		}
	}
	trace, _ := TraceOf(raw)
	return trace.ID
}

func (a *access) write(response *fasthttp.Response) {
	defer func() { _ = recover() }() // of the log's handler: nobody else does, behind a response
	attrs := append(make([]slog.Attr, 0, 8),
		slog.String("request_id", a.id), slog.String("method", a.method), slog.String("route", a.route),
		slog.Int("status", response.StatusCode()))
	if a.trace != "" {
		attrs = append(attrs, slog.String("trace_id", a.trace))
	}
	if bytes := a.bytes(response); bytes >= 0 {
		attrs = append(attrs, slog.Int64("bytes", bytes))
	}
	now := time.Now()
	attrs = append(attrs, slog.Int("tasks", a.tasks), slog.Duration("took", now.Sub(a.start)))
	// Not by the logger, which asks for the place in the source: it says nothing here, and
	// takes a fifth of the time.
	record := slog.NewRecord(now, slog.LevelInfo, "request", 0)
	record.AddAttrs(attrs...)
	_ = a.logger.Handler().Handle(context.Background(), record) // nor does a logger tell its errors
}

// bytes returns how many bytes of the body were sent, or -1 where nobody knows.
func (a *access) bytes(response *fasthttp.Response) int64 {
	switch status := response.StatusCode(); {
	case a.isHead, status == fasthttp.StatusNoContent, status == fasthttp.StatusNotModified:
		return 0
	}
	if a.body == nil {
		return int64(len(response.Body()))
	}
	if counted, ok := a.body.(interface{ Sent() int64 }); ok {
		return counted.Sent()
	}
	return -1
}
