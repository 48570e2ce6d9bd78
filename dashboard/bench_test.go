package dashboard_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/responses"
)

// BenchmarkPages is what a page costs that nobody has asked for within a second, with so
// many tasks that wait.
func BenchmarkPages(b *testing.B) {
	for _, waiting := range []int{1, 100, 65_536} {
		for name, path := range map[string]string{
			"overview":   "/admin/",
			"first page": "/admin/tasks?state=waiting",
			"last page":  fmt.Sprintf("/admin/tasks?state=waiting&after=%d", waiting-1),
			"one kind":   "/admin/tasks?kind=rare",
		} {
			b.Run(fmt.Sprintf("%s/waiting=%d", name, waiting), func(b *testing.B) {
				app := velithon.New(velithon.Options{})
				release := make(chan struct{})
				kind := background.Define("kind", func(context.Context, int) error { <-release; return nil })
				dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{})
				for i := range app.Runner().Workers() + waiting {
					require.NoError(b, app.Runner().Submit(b.Context(), kind.Task(i)))
				}
				handler := app.Handler()
				b.ReportAllocs()
				for b.Loop() {
					dashboard.Forget(app.Router)
					var raw fasthttp.RequestCtx
					var request fasthttp.Request
					request.SetRequestURI("http://localhost" + path)
					request.Header.Set("Connection", "keep-alive")
					raw.Init(&request, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
					handler(&raw)
					if raw.Response.StatusCode() != 200 {
						b.Fatal(raw.Response.String())
					}
				}
				close(release)
				require.NoError(b, app.Shutdown(context.Background()))
			})
		}
	}
}

// BenchmarkOrder is what an order costs that has two tasks, from the request to their end,
// with and without a page on which somebody looks at them.
func BenchmarkOrder(b *testing.B) {
	for _, way := range []string{"without", "mounted", "looked at"} {
		b.Run(way, func(b *testing.B) {
			app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
			kind := background.Define("kind", func(context.Context, int) error { return nil })
			app.Post("/order", func(context.Context, struct{}) (responses.TextResponse, error) {
				tasks := &background.Tasks{}
				tasks.Add(kind.Task(1), kind.Task(2))
				r := responses.Text("ordered")
				r.Background = tasks
				return r, nil
			})
			if way != "without" {
				dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{Logger: slog.New(slog.DiscardHandler)})
			}
			handler := app.Handler()
			ask := func(method, path string) *fasthttp.RequestCtx {
				raw := new(fasthttp.RequestCtx)
				var request fasthttp.Request
				request.Header.SetMethod(method)
				request.SetRequestURI("http://localhost" + path)
				request.Header.Set("Connection", "keep-alive")
				raw.Init(&request, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
				handler(raw)
				raw.ResetUserValues()
				if raw.Response.StatusCode() != 200 {
					b.Error(raw.Response.String())
				}
				return raw
			}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for way == "looked at" {
					ask("GET", "/admin/")
					select {
					case <-stop:
						return
					case <-time.After(time.Second):
					}
				}
			}()
			b.ReportAllocs()
			for b.Loop() {
				ask("POST", "/order")
			}
			close(stop)
			<-stopped
			require.NoError(b, app.Shutdown(context.Background()))
		})
	}
}
