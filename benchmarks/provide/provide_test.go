// Package provide compares a value that a provider makes with the same value as a plain
// input, side by side.
//
//	go test -run '^$' -bench . -count 10 ./provide
package provide_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type (
	credentials struct {
		Authorization string `header:"Authorization"`
	}
	user     struct{ Name string }
	signedIn struct {
		User user `provide:""`
	}
	tenant  struct{ ID string }
	renting struct {
		User   user   `provide:""`
		Tenant tenant `provide:""`
	}
)

var errSignIn = errors.New("sign in")

func identify(header string) (user, error) {
	name, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return user{}, errSignIn
	}
	return user{name}, nil
}

func fromHeader(_ context.Context, in credentials) (user, error) { return identify(in.Authorization) }

func ofUser(_ context.Context, in signedIn) (tenant, error) { return tenant{in.User.Name}, nil }

// ways are those in which a handler learns who makes a request. All answer with the name.
var ways = []string{"input", "provided", "provided-twice", "secured"}

// handlers makes a service with a route for each of the ways.
func handlers() fasthttp.RequestHandler {
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Handle(http.MethodGet, "/input", routing.NewEndpoint(func(_ context.Context, in credentials) (responses.TextResponse, error) {
		u, err := identify(in.Authorization)
		return responses.Text(u.Name), err
	}))
	routing.Provide(app.Router, fromHeader)
	routing.Provide(app.Router, ofUser)
	provided := routing.NewEndpoint(func(_ context.Context, in signedIn) (responses.TextResponse, error) {
		return responses.Text(in.User.Name), nil
	})
	app.Handle(http.MethodGet, "/provided", provided)
	app.Handle(http.MethodGet, "/provided-twice", routing.NewEndpoint(func(_ context.Context, in renting) (responses.TextResponse, error) {
		return responses.Text(in.Tenant.ID), nil
	}))
	secured := app.Group("/secured")
	routing.Provide(secured, fromHeader, routing.Secured(routing.Bearer("token", "")))
	secured.Handle(http.MethodGet, "", provided)
	return app.Handler()
}

// request makes one that is answered again and again.
func request(way string) *fasthttp.RequestCtx {
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, nil, nil)
	ctx.Request.SetRequestURI("/" + way)
	ctx.Request.Header.Set("Authorization", "Bearer ada")
	ctx.Response.KeepBodyBuffer = true // as a server sets it
	return ctx
}

func answer(handle fasthttp.RequestHandler, ctx *fasthttp.RequestCtx) error {
	ctx.Response.Reset()
	handle(ctx)
	ctx.ResetUserValues()
	if string(ctx.Response.Body()) != "ada" {
		return fmt.Errorf("answered %s", ctx.Response.Body())
	}
	return nil
}

func TestWays(t *testing.T) {
	handle := handlers()
	for _, way := range ways {
		ctx := request(way)
		for range 50 {
			require.NoError(t, answer(handle, ctx), way)
		}
	}
}

// BenchmarkWays times each way by itself, for its allocations.
func BenchmarkWays(b *testing.B) {
	handle := handlers()
	for _, way := range ways {
		b.Run("way="+way, func(b *testing.B) {
			ctx := request(way)
			b.ReportAllocs()
			for b.Loop() {
				if err := answer(handle, ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRatio times all ways in turns of some microseconds, so that what disturbs
// the machine disturbs all of them alike. It reports for each way the median of its
// turns, as the ratio to that of the plain input, and as what it takes longer.
func BenchmarkRatio(b *testing.B) {
	const requests = 50 // in a turn
	handle := handlers()
	ctxs := make([]*fasthttp.RequestCtx, len(ways))
	turns := make([][]time.Duration, len(ways))
	for i, way := range ways {
		ctxs[i] = request(way)
		require.NoError(b, answer(handle, ctxs[i]))
	}
	for b.Loop() {
		for i, ctx := range ctxs {
			begin := time.Now()
			for range requests {
				ctx.Response.Reset()
				handle(ctx)
				ctx.ResetUserValues()
			}
			turns[i] = append(turns[i], time.Since(begin))
		}
	}
	medians := make([]float64, len(ways))
	for i := range turns {
		slices.Sort(turns[i])
		medians[i] = float64(turns[i][len(turns[i])/2].Nanoseconds()) / requests
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(medians[0], "input-ns")
	for i, way := range ways[1:] {
		b.ReportMetric(medians[i+1]/medians[0], way+"-ratio")
		b.ReportMetric(medians[i+1]-medians[0], way+"-more-ns")
	}
}
