// Package growth shows how costs grow: with the number of routes not at all, with
// the number of values in a request linearly.
//
//	go test -run '^$' -bench . -count 10 ./growth | benchstat -row .name,/n -
package growth_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

// work is a request at a time. Its error is a wrong answer.
type work func() error

// BenchmarkRoutes takes turns among all routes.
func BenchmarkRoutes(b *testing.B) { perSize(b, routes, 10, 100, 1_000, 10_000) }

// BenchmarkQuery decodes so many query parameters.
func BenchmarkQuery(b *testing.B) { perSize(b, query, 1, 3, 10, 30, 100) }

// BenchmarkMembers decodes a JSON object of so many members.
func BenchmarkMembers(b *testing.B) { perSize(b, members, 1, 3, 10, 30, 100) }

// BenchmarkItems answers an order of so many items.
func BenchmarkItems(b *testing.B) { perSize(b, items, 1, 3, 10, 30, 100, 300, 1_000) }

func perSize(b *testing.B, prepare func(int) (work, error), sizes ...int) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			do, err := prepare(n)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestWork(t *testing.T) {
	for _, prepare := range []func(int) (work, error){routes, query, members, items} {
		do, err := prepare(20)
		require.NoError(t, err)
		for range 50 {
			require.NoError(t, do())
		}
	}
}

func newApp() *velithon.App {
	return velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
}

// request makes a request that is answered again and again.
func request(method, target, body string) *fasthttp.RequestCtx {
	var request fasthttp.Request
	request.Header.SetMethod(method)
	request.SetRequestURI(target)
	request.Header.SetHost("localhost")
	request.Header.SetContentType("application/json")
	request.SetBodyString(body)
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&request, nil, nil)
	return ctx
}

func routes(n int) (work, error) {
	type input struct {
		ID int `path:"id"`
	}
	handler := func(_ context.Context, in input) (int, error) { return in.ID, nil }
	app := newApp()
	ctxs := make([]*fasthttp.RequestCtx, n)
	for i := range ctxs {
		// As services have them: some dozens below each of some prefixes.
		prefix := fmt.Sprintf("/area%d/thing%d", i/40, i%40)
		app.Handle(http.MethodGet, prefix+"/{id}", routing.NewEndpoint(handler))
		ctxs[i] = request(http.MethodGet, prefix+"/7", "")
	}
	handle := app.Handler()
	rand.Shuffle(n, func(i, j int) { ctxs[i], ctxs[j] = ctxs[j], ctxs[i] })
	ctxs = ctxs[:min(n, 100)] // so that it is not the cache that is measured
	next := 0
	return func() error {
		ctx := ctxs[next%len(ctxs)]
		next++
		return answer(handle, ctx, "7")
	}, nil
}

// answer has a request answered, and reports an answer that is not the wanted.
func answer(handle fasthttp.RequestHandler, ctx *fasthttp.RequestCtx, want string) error {
	ctx.Response.Reset()
	handle(ctx)
	ctx.ResetUserValues()
	if string(ctx.Response.Body()) != want {
		return fmt.Errorf("answered %s", ctx.Response.Body())
	}
	return nil
}

// fields returns a struct type of n fields that are filled from a source.
func fields(n int, tag string) reflect.Type {
	fields := make([]reflect.StructField, n)
	for i := range fields {
		fields[i] = reflect.StructField{
			Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int](),
			Tag: reflect.StructTag(fmt.Sprintf(`%s:"f%d" validate:"min=1"`, tag, i)),
		}
	}
	return reflect.StructOf(fields)
}

// decoding decodes a request into new values of an input type, whose last field
// is to become 7.
func decoding(input reflect.Type, ctx *fasthttp.RequestCtx) (work, error) {
	plan, err := params.Compile(input, params.Options{})
	if err != nil {
		return nil, err
	}
	target := string(ctx.RequestURI())
	return func() error {
		ctx.Request.SetRequestURI(target) // has the target parsed anew
		in := reflect.New(input)
		if err := plan.Decode(ctx, in.Interface()); err != nil {
			return err
		}
		if last := in.Elem().Field(input.NumField() - 1); last.Int() != 7 {
			return fmt.Errorf("the last field became %v", last)
		}
		return nil
	}, nil
}

func query(n int) (work, error) {
	var target strings.Builder
	for i := range n {
		fmt.Fprintf(&target, "&f%d=7", i)
	}
	return decoding(fields(n, "query"), request(http.MethodGet, "/?"+target.String()[1:], ""))
}

func members(n int) (work, error) {
	var body strings.Builder
	for i := range n {
		fmt.Fprintf(&body, `,"f%d":7`, i)
	}
	return decoding(fields(n, "json"), request(http.MethodPost, "/", "{"+body.String()[1:]+"}"))
}

func items(n int) (work, error) {
	type line struct {
		SKU      string `json:"sku" validate:"required"`
		Quantity int    `json:"qty" validate:"min=1"`
	}
	type order struct {
		Items []line `json:"items" validate:"required,dive"`
	}
	app := newApp()
	app.Handle(http.MethodPost, "/order", routing.NewEndpoint(func(_ context.Context, in order) (int, error) { return len(in.Items), nil }))
	handle := app.Handler()
	ctx := request(http.MethodPost, "/order", `{"items":[`+strings.Repeat(`{"sku":"SKU-00001","qty":3},`, n-1)+`{"sku":"SKU-00001","qty":3}]}`)
	want := fmt.Sprint(n)
	return func() error { return answer(handle, ctx, want) }, nil
}
