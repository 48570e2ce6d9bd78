package routing_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// typed gives the problems of the framework types of the service.
func typed(ctx context.Context, problem *responses.Problem) *responses.Problem {
	switch problem.Status {
	case 422, 404, 405, 503:
		own := *problem
		own.Type = "https://example.com/problems/" + fasthttp.StatusMessage(problem.Status)
		return own.WithExtensions(map[string]string{"request": routing.RequestID(ctx)})
	case 410:
		panic("boom")
	}
	return nil
}

func TestProblemsOfTheServicesOwnTypes(t *testing.T) {
	book := newLogBook()
	logger := slog.New(slog.NewTextHandler(book, nil))
	runner := background.NewRunner(background.RunnerOptions{Logger: logger})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	r := routing.New(routing.Options{Runner: runner, Logger: logger, Problem: typed})
	errSold := responses.NewProblem(409, "sold out")
	r.Handle("GET", "/sold", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", errSold }))
	r.Handle("GET", "/gone", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", responses.NewProblem(410, "") }))
	r.Handle("GET", "/query", routing.NewEndpoint(func(_ context.Context, in struct {
		N int64 `query:"n"`
	},
	) (int64, error) {
		return in.N, nil
	}))
	released := make(chan struct{})
	r.Handle("GET", "/slow", routing.NewEndpoint(func(context.Context, struct{}) (string, error) {
		<-released
		return "", nil
	}), routing.Timeout(10*time.Millisecond))
	handler := behindServer(r)
	answer := func(method, target string) string {
		return string(do(t, handler, method, target, "X-Request-Id", "a-1").Body())
	}
	assert.Equal(t, `{"type":"https://example.com/problems/Unprocessable Entity","title":"Unprocessable Entity","status":422,`+
		`"detail":"the request has invalid or missing values","errors":[{"in":"query","name":"n","code":"type","detail":"must be an integer from -9223372036854775808 to 9223372036854775807"}],"request":"a-1"}`,
		answer("GET", "/query?n=x"))
	assert.Equal(t, `{"type":"https://example.com/problems/Not Found","title":"Not Found","status":404,"detail":"no route matches the path","request":"a-1"}`, answer("GET", "/"))
	assert.Equal(t, `{"type":"https://example.com/problems/Method Not Allowed","title":"Method Not Allowed","status":405,`+
		`"detail":"the path exists, but not for this method: see Allow","request":"a-1"}`, answer("POST", "/sold"))
	assert.Equal(t, `{"title":"Conflict","status":409,"detail":"sold out"}`, answer("GET", "/sold"))
	assert.Equal(t, `{"type":"https://example.com/problems/Service Unavailable","title":"Service Unavailable","status":503,"detail":"the request took longer than 10ms","request":"a-1"}`,
		answer("GET", "/slow"))
	close(released)
	assert.Contains(t, book.next(t), "still running")
	assert.Contains(t, book.next(t), "returned after its timeout")
	assert.Equal(t, 500, do(t, handler, "GET", "/gone").StatusCode())
	assert.Contains(t, book.next(t), "boom")
}

func TestPanicInProblemAfterATimeout(t *testing.T) {
	book := newLogBook()
	logger := slog.New(slog.NewTextHandler(book, nil))
	runner := background.NewRunner(background.RunnerOptions{Logger: logger})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	r := routing.New(routing.Options{Runner: runner, Logger: logger, Problem: func(context.Context, *responses.Problem) *responses.Problem { panic("boom") }})
	released := make(chan struct{})
	r.Handle("GET", "/slow", routing.NewEndpoint(func(context.Context, struct{}) (string, error) {
		<-released
		return "", nil
	}), routing.Timeout(10*time.Millisecond))
	assert.Equal(t, `{"title":"Service Unavailable","status":503,"detail":"the request took longer than 10ms"}`, string(do(t, behindServer(r), "GET", "/slow").Body()))
	close(released)
	assert.Contains(t, book.next(t), "panic in Options.Problem")
	assert.Contains(t, book.next(t), "still running")
	assert.Contains(t, book.next(t), "returned after its timeout")
}
