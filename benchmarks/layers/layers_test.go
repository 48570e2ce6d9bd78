// Package layers says what each middleware adds to an order, here and in Fiber.
//
//	go test -run '^$' -bench . -count 5 ./layers
package layers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// A layer is what is put around the order route.
type layer[A any] struct {
	name   string
	add    func(app A)
	header []string // of the requests, with and without the layer: names and values
}

// A peer is a framework with the layers that it has.
type peer[A any] struct {
	layers  []layer[A]
	handler func(tb testing.TB, add func(app A)) fasthttp.RequestHandler
	nothing func(app A) // adds a middleware that does nothing, which a layer takes the place of
}

type order struct {
	Email string `json:"email" validate:"required,email"`
	Items []item `json:"items" validate:"required,min=1"`
}

type item struct {
	SKU      string `json:"sku" validate:"required,min=1"`
	Quantity int    `json:"quantity" validate:"required,min=1"`
}

type created struct {
	OrderID string `json:"order_id"`
	Status  string `json:"status"`
}

// shop is the origin of the pages that send the requests.
const shop = "https://shop.example"

// long is what an answer has more in it where it is to be compressed: a list of 7 kB.
var long = func() (list []created) {
	for i := range 100 {
		list = append(list, created{time.Unix(int64(i*i*i), 0).Format(time.RFC3339), "created"})
	}
	return list
}()

// once returns a function that orders once.
func once(tb testing.TB, handler fasthttp.RequestHandler, path string, header []string) func() {
	tb.Helper()
	raw := new(fasthttp.RequestCtx)
	raw.Init(&fasthttp.Request{}, nil, nil) // with a time, as a server does
	raw.Request.Header.SetMethod("POST")
	raw.Request.SetRequestURI(path)
	raw.Request.Header.SetHost("shop.example")
	raw.Request.Header.SetContentType("application/json")
	raw.Request.Header.SetUserAgent("test")
	for pair := range slices.Chunk(header, 2) {
		raw.Request.Header.Set(pair[0], pair[1])
	}
	raw.Request.SetBodyString(`{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}`)
	raw.Response.KeepBodyBuffer = true // as a server sets it
	return func() {
		raw.Response.Reset()
		handler(raw)
		raw.ResetUserValues()
		if raw.Response.StatusCode() != 201 {
			tb.Fatal(raw.Response.String())
		}
	}
}

// compare takes turns of 50 orders with and without a layer, so that what disturbs the
// machine disturbs both, and reports by how much their medians differ.
func compare(b *testing.B, without, with func()) {
	b.Helper()
	const turn = 50
	var times [2][]time.Duration
	for b.Loop() {
		for i, order := range []func(){without, with} {
			began := time.Now()
			for range turn {
				order()
			}
			times[i] = append(times[i], time.Since(began))
		}
	}
	median := func(i int) float64 {
		slices.Sort(times[i])
		return float64(times[i][len(times[i])/2]) / turn
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(0), "bare-ns")
	b.ReportMetric(median(1)-median(0), "more-ns")
	b.ReportMetric(testing.AllocsPerRun(100, with)-testing.AllocsPerRun(100, without), "more-allocs")
}

// orders returns the order without and with a layer: with a middleware that does nothing, but
// for the layer named first, which is that one, and with the layer in its place.
func (p peer[A]) orders(tb testing.TB, l layer[A]) (without, with func()) {
	tb.Helper()
	path := "/order"
	if l.name == "compress7kB" {
		path = "/long"
	}
	without = once(tb, p.handler(tb, p.nothing), path, l.header)
	if l.name == "first" {
		without = once(tb, p.handler(tb, func(A) {}), path, l.header)
	}
	return without, once(tb, p.handler(tb, l.add), path, l.header)
}

func (p peer[A]) benchmark(b *testing.B, name string) {
	b.Helper()
	for _, l := range p.layers {
		b.Run("layer="+l.name+"/peer="+name, func(b *testing.B) {
			without, with := p.orders(b, l)
			compare(b, without, with)
		})
	}
}

func Benchmark(b *testing.B) {
	ofVelithon.benchmark(b, "velithon")
	ofFiber.benchmark(b, "fiber")
}

// test has each layer let an order through, again and again.
func (p peer[A]) test(t *testing.T) {
	t.Helper()
	for _, l := range p.layers {
		without, with := p.orders(t, l)
		for range 3 {
			without()
			with()
		}
	}
}

func TestLayers(t *testing.T) {
	ofVelithon.test(t)
	ofFiber.test(t)
}
