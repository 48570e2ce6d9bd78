package middleware

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// A Trace is what a request belongs to, as the caller says (W3C Trace Context). It can be
// shown and passed on, and proves nothing.
type Trace struct {
	ID      string // of the trace, 32 digits of hexadecimal
	Parent  string // of the caller's part of it, 16 digits
	Sampled bool   // the caller may have recorded it
	State   string // the field tracestate; may be empty
}

// String returns the trace as the field traceparent has it.
func (t Trace) String() string {
	flags := "-00"
	if t.Sampled {
		flags = "-01"
	}
	return "00-" + t.ID + "-" + t.Parent + flags
}

type traceKey struct{}

var hTraceparent = []byte("Traceparent")

const (
	traceparentLength = len("00-") + 32 + len("-") + 16 + len("-01")
	maxTracestate     = 512 // as the recommendation wants to be kept at least
)

// TraceContext takes the trace over that a caller sends in traceparent and tracestate, for
// [TraceOf]. What is malformed is ignored, as the recommendation says. It belongs to the
// app. The request's own id is [routing.RequestID], which needs no middleware.
func TraceContext(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		if parent := raw.Request.Header.PeekCanonical(hTraceparent); len(parent) > 0 {
			if trace := parseTrace(parent); trace != nil && len(raw.Request.Header.PeekAll("Traceparent")) == 1 {
				trace.State = tracestate(&raw.Request.Header)
				raw.SetUserValue(traceKey{}, trace)
			}
		}
		next(raw)
	}
}

// parseTrace returns nil for a field that is malformed. Of a later version the part that
// all versions have is read.
func parseTrace(parent []byte) *Trace {
	if len(parent) < traceparentLength || len(parent) > traceparentLength && (parent[traceparentLength] != '-' || string(parent[:2]) == "00") {
		return nil
	}
	version, id, span, flags := parent[:2], parent[3:35], parent[36:52], parent[53:55]
	if parent[2] != '-' || parent[35] != '-' || parent[52] != '-' || string(version) == "ff" ||
		!isHex(version) || !isHex(id) || !isHex(span) || !isHex(flags) || isZero(id) || isZero(span) {
		return nil
	}
	low := flags[1]
	if low >= 'a' {
		low -= 'a' - 10
	}
	return &Trace{ID: string(id), Parent: string(span), Sampled: low&1 == 1}
}

func isHex(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isZero(text []byte) bool { return len(bytes.Trim(text, "0")) == 0 }

// tracestate returns the lines of the field as one, and nothing where a client of ours
// could not send them on.
func tracestate(header *fasthttp.RequestHeader) string {
	state := bytes.Join(header.PeekAll("Tracestate"), []byte(","))
	if len(state) > maxTracestate {
		return ""
	}
	for _, c := range state {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return string(state)
}

// TraceOf returns the trace of the request that ctx comes from, in handlers, in their tasks,
// also stored ones, and in middleware. ok is false where there is none.
func TraceOf(ctx context.Context) (_ Trace, ok bool) {
	if raw, isRaw := ctx.(*fasthttp.RequestCtx); isRaw {
		trace, ok := raw.UserValue(traceKey{}).(*Trace)
		if !ok {
			return Trace{}, false
		}
		return *trace, true
	}
	if trace, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return *trace, true
	}
	if _, err := routing.RequestCtx(ctx); !errors.Is(err, routing.ErrNoRequest) {
		return Trace{}, false
	}
	if o := background.OriginOf(ctx); o != nil { // of a task that was stored
		if trace := parseTrace([]byte(o.Values["traceparent"])); trace != nil {
			trace.State = o.Values["tracestate"]
			return *trace, true
		}
	}
	return Trace{}, false
}

// ForwardTrace returns a transport for clients that sends the request id and the trace of
// the request that a context comes from to other services, so that their logs have them,
// too. Fields that a request of the client has already stay. next sends the requests; nil
// means [http.DefaultTransport].
//
//	client := &http.Client{Transport: middleware.ForwardTrace(nil)}
func ForwardTrace(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return forwardTrace{next}
}

type forwardTrace struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (f forwardTrace) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	request = request.Clone(ctx)
	set := func(name, value string) {
		if value != "" && request.Header.Get(name) == "" {
			request.Header.Set(name, value)
		}
	}
	set(routing.RequestIDHeader, routing.RequestID(ctx))
	if trace, ok := TraceOf(ctx); ok && request.Header.Get("Traceparent") == "" {
		set("Traceparent", trace.String())
		set("Tracestate", trace.State)
	}
	return f.next.RoundTrip(request)
}
