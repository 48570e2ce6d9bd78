package otel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/velithon-go/velithon/background"
)

// A series is what requests have in common that are measured together. There are few: a
// method that is not known is "_OTHER", and a route is a pattern.
type series struct {
	method string
	https  bool
	route  string // "" where none has matched
	status int
}

// otherMethod stands for all methods that are not known.
const otherMethod = "_OTHER"

// methods are those of RFC 9110 and PATCH (RFC 5789), by the semantic conventions.
var methods = map[string]string{
	"CONNECT": "CONNECT", "DELETE": "DELETE", "GET": "GET", "HEAD": "HEAD", "OPTIONS": "OPTIONS",
	"PATCH": "PATCH", "POST": "POST", "PUT": "PUT", "TRACE": "TRACE",
}

func seriesOf(raw *fasthttp.RequestCtx) series {
	s := series{method: methods[string(raw.Method())], https: raw.IsTLS()}
	if s.method == "" {
		s.method = otherMethod
	}
	return s
}

// name returns the name of a span.
func (s series) name() string {
	method := s.method
	if method == otherMethod {
		method = "HTTP"
	}
	if s.route == "" {
		return method
	}
	return method + " " + s.route
}

func (s series) methodAttribute() attribute.KeyValue {
	return semconv.HTTPRequestMethodKey.String(s.method)
}

func (s series) schemeAttribute() attribute.KeyValue {
	if s.https {
		return semconv.URLScheme("https")
	}
	return semconv.URLScheme("http")
}

// outcome returns what is known of a request at its end.
func (s series) outcome() []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, 5)
	all = append(all, semconv.HTTPResponseStatusCode(s.status))
	if s.route != "" {
		all = append(all, semconv.HTTPRoute(s.route))
	}
	if s.status >= fasthttp.StatusInternalServerError {
		all = append(all, semconv.ErrorTypeKey.String(strconv.Itoa(s.status)))
	}
	return all
}

// requestTimes is the histogram of requests. Their attributes are made once.
type requestTimes struct {
	seconds metric.Float64Histogram
	known   sync.Map // of []metric.RecordOption by series
}

func newRequestTimes(meter metric.Meter) *requestTimes {
	seconds, err := meter.Float64Histogram("http.server.request.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of HTTP server requests."),
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10))
	if err != nil {
		otel.Handle(err)
	}
	return &requestTimes{seconds: seconds}
}

func (t *requestTimes) add(ctx context.Context, s series, began time.Time) {
	if !t.seconds.Enabled(ctx) {
		return
	}
	options, ok := t.known.Load(s)
	if !ok {
		set := attribute.NewSet(append(s.outcome(), s.methodAttribute(), s.schemeAttribute())...)
		options, _ = t.known.LoadOrStore(s, []metric.RecordOption{metric.WithAttributeSet(set)})
	}
	t.seconds.Record(ctx, time.Since(began).Seconds(), options.([]metric.RecordOption)...)
}

// splitHost returns the name and the port of a Host field, 0 for none.
func splitHost(host string) (name string, port int) {
	name, digits, err := net.SplitHostPort(host)
	if err != nil {
		return strings.Trim(host, "[]"), 0
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 1 || port > 65535 {
		return name, 0
	}
	return name, port
}

// peerOf returns the address at the other end of the connection, which may be a proxy's.
func peerOf(raw *fasthttp.RequestCtx) (netip.AddrPort, bool) {
	address, ok := raw.RemoteAddr().(*net.TCPAddr)
	if !ok || address.Port == 0 {
		return netip.AddrPort{}, false
	}
	return address.AddrPort(), true
}

// panicOf returns the panic that err is or wraps.
func panicOf(err error) (p *background.PanicError, ok bool) {
	defer func() { _ = recover() }()
	p, ok = errors.AsType[*background.PanicError](err)
	return p, ok && p != nil
}

// textOf returns the text of an error, whose method may panic.
func textOf(err error) (text string) {
	defer func() {
		if cause := recover(); cause != nil {
			text = "its Error method panics"
		}
	}()
	return valid([]byte(err.Error()))
}

// typeOf returns the type of an error, or what its method ErrorType says, which may panic.
func typeOf(err error) (name string) {
	defer func() {
		if cause := recover(); cause != nil {
			name = fmt.Sprintf("%T", err)
		}
	}()
	return valid([]byte(semconv.ErrorType(err).Value.AsString()))
}
