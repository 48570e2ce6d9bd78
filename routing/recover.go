package routing

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// recover answers a panic of a middleware. One that calls runtime.Goexit, or
// whose handler does, has not returned and not panicked either.
func (e *engine) recover(raw *fasthttp.RequestCtx, returned *bool) {
	if !*returned {
		e.fail(raw, recover())
	}
}

// fail is apart from recover, which every request passes through.
func (e *engine) fail(raw *fasthttp.RequestCtx, cause any) {
	defer e.handlerEnded(raw, true) // whatever the log's handler does
	switch {
	case cause == nil:
		e.hangUp(raw)
	case raw.LastTimeoutErrorResponse() != nil: // a late handler may still use raw
		e.logPanic(raw, RequestID(raw), asPanic(cause))
	default:
		e.logPanic(raw, RequestID(raw), asPanic(cause))
		answerPanic(raw)
	}
}

// answerPanic answers a panic with a 500 problem, so that connection and server
// go on: fasthttp itself does not recover. It may be called by a goroutine that a
// TimeoutHandler has stopped waiting for, which has raw for itself then, but must
// not ask it whether that is so.
func answerPanic(raw *fasthttp.RequestCtx) {
	raw.Response.ResetBody()
	for _, name := range ofTheContent {
		raw.Response.Header.Del(name)
	}
	responses.WriteProblem(raw, responses.ProblemFor(errPanic))
}

// errPanic is an error that the client is told nothing of.
var errPanic = errors.New("panic")

// logPanic tells of a panic in middleware, where no route is known. It has the
// path in place of it.
func (e *engine) logPanic(raw *fasthttp.RequestCtx, id string, p *background.PanicError) {
	e.logLost(raw, id, "panic in a handler", slog.Any("panic", p.Value), slog.String("stack", string(p.Stack)))
}

// asPanic keeps the stack of a panic that was recovered before.
func asPanic(cause any) *background.PanicError {
	if p, ok := cause.(*background.PanicError); ok {
		return p
	}
	return newPanicError(cause)
}

func newPanicError(cause any) *background.PanicError {
	return &background.PanicError{Value: cause, Stack: debug.Stack()}
}

// ofTheContent are the fields about a body that is not sent. A problem that
// claims to be compressed can't be read, and it must not be cached.
var ofTheContent = []string{
	fasthttp.HeaderContentEncoding, fasthttp.HeaderCacheControl, fasthttp.HeaderETag, fasthttp.HeaderLastModified,
}

// hangUp gives a request up whose handler ended the goroutine: it is the
// connection's own, so nobody is left to answer, or to do what fasthttp does at the
// end of a request. The server has to close the connection.
func (e *engine) hangUp(raw *fasthttp.RequestCtx) {
	e.logLost(raw, RequestID(raw), "a handler called runtime.Goexit, so its connection is closed without an answer")
	if raw.LastTimeoutErrorResponse() == nil { // or else a late handler may still use raw
		raw.Response.ResetBody()
		raw.Request.RemoveMultipartFormFiles()
		raw.ResetUserValues()
	}
}

// logLost tells the log of a request whose response is lost.
func (e *engine) logLost(raw *fasthttp.RequestCtx, id, message string, attrs ...slog.Attr) {
	e.log(raw, slog.LevelError, message, append([]slog.Attr{
		slog.String("request_id", id),
		slog.String("method", string(raw.Method())),
		slog.String("path", string(raw.URI().PathOriginal())),
	}, attrs...)...)
}

// log writes a record. If the log's handler panics the record is lost: nobody is
// left to tell, and without the recover the process would end.
func (e *engine) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	e.Logger.LogAttrs(ctx, level, message, attrs...)
}
