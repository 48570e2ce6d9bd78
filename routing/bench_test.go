package routing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

// BenchmarkRoute answers requests with 1,000 routes: what is found, and what is
// not, with the problem that is written then.
func BenchmarkRoute(b *testing.B) {
	runner := background.NewRunner(background.RunnerOptions{})
	b.Cleanup(func() { require.NoError(b, runner.Shutdown(context.Background())) })
	r := routing.New(routing.Options{Runner: runner, Validator: params.NewValidator()})
	for i := range 125 {
		for _, pattern := range []string{
			"/v1/things%d", "/v1/things%d/new", "/v1/things%d/settings", "/v1/things%d/{id}", "/v1/things%d/{id:[0-9]+}/parts",
			"/v1/things%d/{id}/parts/{part}", "/v1/things%d/{id}/files/{path:*}",
		} {
			r.Handle("GET", fmt.Sprintf(pattern, i), routing.NewEndpoint(hello))
		}
		r.Handle("POST", fmt.Sprintf("/v1/things%d", i), routing.NewEndpoint(hello))
	}
	handler := routing.Build(r).ServeRequest
	for _, test := range []struct {
		name, method, path string
		status             int
	}{
		{"text", "GET", "/v1/things77/settings", 200},
		{"param", "GET", "/v1/things77/sett", 200},
		{"params=2", "GET", "/v1/things77/12/parts/34", 200},
		{"rest", "GET", "/v1/things77/x/files/a/b/c.txt", 200},
		{"miss/first", "GET", "/v2/things77", 404},
		{"miss/last", "GET", "/v1/things77/12/parts/34/x", 404},
		{"miss/back", "GET", "/v1/things77/12/nothing", 404},
		{"miss/method", "DELETE", "/v1/things77/12", 405},
	} {
		b.Run("routes=1000/"+test.name, func(b *testing.B) {
			b.ReportAllocs()
			var raw fasthttp.RequestCtx
			raw.Request.Header.SetMethod(test.method)
			raw.Request.Header.SetHost("test")
			raw.Request.SetRequestURI(test.path)
			raw.Response.KeepBodyBuffer = true // as a server sets it
			for b.Loop() {
				raw.Response.Reset()
				handler(&raw)
				raw.ResetUserValues()
			}
			require.Equal(b, test.status, raw.Response.StatusCode())
		})
	}
}
