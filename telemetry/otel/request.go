package otel

import (
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// A request is one that is under way. It has nothing of fasthttp's memory.
type request struct {
	instruments *instruments
	ctx         spanContext
	span        trace.Span
	began       time.Time

	series series
	ended  bool // by the connection's goroutine, as all else is
}

// requestKey is that of a request among the user values, which fasthttp closes when the
// response was sent, or can't be.
type requestKey struct{}

// A beginning is what a span begins with. It is used again: options can be read by making a
// configuration of them only, which copies the attributes.
type beginning struct {
	attributes [3]attribute.KeyValue
	options    [2]trace.SpanStartOption
}

var beginnings = sync.Pool{New: func() any {
	b := new(beginning)
	b.options = [...]trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(b.attributes[:]...)}
	return b
}}

// serve answers a request in its span.
func (i *instruments) serve(raw *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	r := &request{instruments: i, began: raw.Time(), series: seriesOf(raw)}
	if r.began.IsZero() { // no server has read it
		r.began = time.Now()
	}
	b := beginnings.Get().(*beginning)
	b.attributes = [...]attribute.KeyValue{r.series.methodAttribute(), semconv.URLPath(valid(raw.URI().PathOriginal())), r.series.schemeAttribute()}
	ctx, span := i.tracer.Start(i.extract(raw), r.series.name(), b.options[:]...)
	r.ctx, r.span = spanContext{ctx}, span
	beginnings.Put(b)
	if r.span.IsRecording() {
		r.span.SetAttributes(peculiar(raw, r.series.method)...)
	}
	routing.SetContext(raw, &r.ctx)
	raw.SetUserValue(requestKey{}, r)
	returned := false
	defer func() {
		if !returned {
			r.failed(recover())
		}
	}()
	next(raw)
	returned = true
	r.answered(raw)
}

// answered notes what the request is answered with. The response is sent later, unless
// nobody tells of that: after a timeout, where a connection is taken over, and where no
// server has made the request.
func (r *request) answered(raw *fasthttp.RequestCtx) {
	r.series.status = routing.SentStatus(raw)
	if route, ok := routing.RouteOf(raw); ok {
		r.series.route = route.Pattern
	}
	late := raw.LastTimeoutErrorResponse() != nil
	if !late && r.span.IsRecording() { // a late handler may still fail
		record(r.span, routing.ErrorOf(raw))
	}
	if late || raw.Hijacked() || raw.ConnRequestNum() == 0 && !raw.Response.IsBodyStream() {
		_ = r.Close()
	}
}

// failed notes that a middleware further inside has panicked or, without a cause, called
// runtime.Goexit. A panic goes on, to be answered by the router.
func (r *request) failed(cause any) {
	r.series.status = fasthttp.StatusInternalServerError
	if cause == nil {
		return // the router closes the user values
	}
	p, ok := cause.(*background.PanicError)
	if !ok {
		p = &background.PanicError{Value: cause, Stack: debug.Stack()}
	}
	record(r.span, p)
	panic(p)
}

// Close ends the span. fasthttp calls it once the response is on the wire.
func (r *request) Close() error {
	if r.ended {
		return nil
	}
	r.ended = true
	if r.span.IsRecording() {
		r.span.SetName(r.series.name())
		r.span.SetAttributes(r.series.outcome()...)
		if r.series.status >= fasthttp.StatusInternalServerError {
			r.span.SetStatus(codes.Error, "")
		}
	}
	r.span.End()
	r.instruments.requests.add(r.ctx.Context, r.series, r.began)
	return nil
}

// peculiar returns the attributes which only a span that is kept has. The query is not among
// them, since it may have secrets.
func peculiar(raw *fasthttp.RequestCtx, method string) []attribute.KeyValue {
	header := &raw.Request.Header
	all := make([]attribute.KeyValue, 0, 8)
	host, port := splitHost(valid(header.Host()))
	if host != "" {
		all = append(all, semconv.ServerAddress(host))
	}
	if port != 0 {
		all = append(all, semconv.ServerPort(port))
	}
	if agent := header.UserAgent(); len(agent) > 0 {
		all = append(all, semconv.UserAgentOriginal(valid(agent)))
	}
	if address, ok := peerOf(raw); ok {
		all = append(all, semconv.NetworkPeerAddress(address.Addr().String()), semconv.NetworkPeerPort(int(address.Port())))
	}
	if header.IsHTTP11() {
		all = append(all, semconv.NetworkProtocolVersion("1.1"))
	} else {
		all = append(all, semconv.NetworkProtocolVersion("1.0"))
	}
	if method == otherMethod {
		all = append(all, semconv.HTTPRequestMethodOriginal(valid(raw.Method())))
	}
	return all
}

// valid returns a copy of what a client has sent in valid UTF-8: an exporter loses all the
// spans of a batch by one text that is not.
func valid(text []byte) string { return strings.ToValidUTF8(string(text), "\uFFFD") }

// record records an error, whose methods are the service's and may panic.
func record(span trace.Span, err error) {
	if err == nil || !span.IsRecording() {
		return
	}
	attributes := []attribute.KeyValue{semconv.ExceptionType(typeOf(err)), semconv.ExceptionMessage(textOf(err))}
	if p, ok := panicOf(err); ok {
		attributes = append(attributes, semconv.ExceptionStacktrace(valid(p.Stack)))
	}
	span.AddEvent(semconv.ExceptionEventName, trace.WithAttributes(attributes...))
}
