package prometheus

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"
)

// unmatched is the route of all requests that no route has matched. No pattern is called so.
const unmatched = "unmatched"

// otherMethod stands for all methods that are not known, as in OpenTelemetry's conventions.
const otherMethod = "_OTHER"

// methods are those of RFC 9110 and PATCH (RFC 5789).
var methods = map[string]string{
	"CONNECT": "CONNECT", "DELETE": "DELETE", "GET": "GET", "HEAD": "HEAD", "OPTIONS": "OPTIONS",
	"PATCH": "PATCH", "POST": "POST", "PUT": "PUT", "TRACE": "TRACE",
}

func methodOf(raw *fasthttp.RequestCtx) string {
	if method, ok := methods[string(raw.Method())]; ok {
		return method
	}
	return otherMethod
}

// A key is what requests have in common that are counted together.
type key struct {
	method, route string
	status        int
}

// observers are those of the keys that were seen. They are looked at for each request, and
// few are added, soon after the start: so all of them are copied then.
type observers struct {
	byKey atomic.Pointer[map[key]prometheus.Observer]
	mu    sync.Mutex // held while one is added
}

// get returns the observer of a key, nil for one that was not seen.
func (o *observers) get(k key) prometheus.Observer {
	if byKey := o.byKey.Load(); byKey != nil {
		return (*byKey)[k]
	}
	return nil
}

// add returns the observer of a key that may be new.
func (o *observers) add(k key, seconds *prometheus.HistogramVec) prometheus.Observer {
	o.mu.Lock()
	defer o.mu.Unlock()
	if observer := o.get(k); observer != nil {
		return observer
	}
	byKey := make(map[key]prometheus.Observer)
	if old := o.byKey.Load(); old != nil {
		maps.Copy(byKey, *old)
	}
	byKey[k] = seconds.WithLabelValues(k.method, k.route, strconv.Itoa(k.status))
	o.byKey.Store(&byKey)
	return byKey[k]
}
