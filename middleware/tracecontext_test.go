package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
	parent  = "00-" + traceID + "-" + spanID + "-01"
)

func TestTraceContext(t *testing.T) {
	app := newApp()
	seen := make(chan middleware.Trace, 3)
	see := func(ctx context.Context) {
		trace, ok := middleware.TraceOf(ctx)
		if !ok {
			trace.ID = "none"
		}
		seen <- trace
	}
	app.Use(middleware.TraceContext, func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) { see(raw); next(raw) }
	})
	app.Handle("GET", "/", routing.NewEndpoint(func(ctx context.Context, _ struct{}) (responses.TextResponse, error) {
		see(ctx)
		answer := responses.Text("")
		answer.Background = background.Func("see", func(ctx context.Context) error { see(ctx); return nil })
		return answer, nil
	}))
	s := serve(t, app)
	for _, test := range []struct {
		name   string
		header []string
		want   middleware.Trace
	}{
		{"as it should be", []string{"traceparent: " + parent, "tracestate: a=b"}, middleware.Trace{ID: traceID, Parent: spanID, Sampled: true, State: "a=b"}},
		{"not sampled", []string{"traceparent: 00-" + traceID + "-" + spanID + "-02"}, middleware.Trace{ID: traceID, Parent: spanID}},
		{"other flags", []string{"traceparent: 00-" + traceID + "-" + spanID + "-0b"}, middleware.Trace{ID: traceID, Parent: spanID, Sampled: true}},
		{"a later version", []string{"traceparent: 01-" + traceID + "-" + spanID + "-01-more"}, middleware.Trace{ID: traceID, Parent: spanID, Sampled: true}},
		{"lines of a list", []string{"traceparent: " + parent, "tracestate: a=b", "tracestate: c=d"}, middleware.Trace{ID: traceID, Parent: spanID, Sampled: true, State: "a=b,c=d"}},
		{"a long state", []string{"traceparent: " + parent, "tracestate: " + strings.Repeat("s", 513)}, middleware.Trace{ID: traceID, Parent: spanID, Sampled: true}},
		{"a state that can't be sent on", []string{"traceparent: " + parent, "tracestate: a=\xff"}, middleware.Trace{ID: traceID, Parent: spanID, Sampled: true}},
		{"none", nil, middleware.Trace{ID: "none"}},
	} {
		s.do("GET", "/", test.header...)
		for range 3 {
			require.Equal(t, test.want, <-seen, test.name)
		}
	}
	for _, malformed := range []string{
		"00", parent + "-more", parent + "x", "ff-" + parent[3:], "0x-" + parent[3:], strings.ToUpper(parent), "01-" + parent[3:] + "x",
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01",
		"00_" + parent[3:], parent[:35] + "_" + parent[36:], parent[:52] + "_01", parent[:53] + "0g", parent[:10] + "G" + parent[11:], parent[:40] + "G" + parent[41:],
		strings.Repeat("0", 7000),
	} {
		s.do("GET", "/", "traceparent: "+malformed, "tracestate: a=b")
		for range 3 {
			require.Equal(t, middleware.Trace{ID: "none"}, <-seen, "%.80s", malformed)
		}
	}
	s.do("GET", "/", "traceparent: "+parent, "traceparent: "+parent)
	for range 3 {
		require.Equal(t, middleware.Trace{ID: "none"}, <-seen, "two of them")
	}
}

func TestTraceOfAStoredTask(t *testing.T) {
	kind := background.Define("see", func(ctx context.Context, _ int) error {
		trace, ok := middleware.TraceOf(ctx)
		if !ok || trace.String() != parent || trace.State != "a=b" {
			return errors.New("another trace")
		}
		return nil
	})
	app := newApp()
	_, err := app.Runner().Attempt(context.Background(), background.StoredTask{
		Task: kind.Task(1), Attempt: 1, Values: map[string]string{"traceparent": parent, "tracestate": "a=b"},
	})
	require.NoError(t, err)
	require.NoError(t, app.Shutdown(context.Background()))
	_, ok := middleware.TraceOf(context.Background())
	require.False(t, ok)
}

// A transport that keeps what it is to send.
type sent struct{ header http.Header }

func (s *sent) RoundTrip(request *http.Request) (*http.Response, error) {
	s.header = request.Header
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

func TestForwardTrace(t *testing.T) {
	kept := new(sent)
	client := &http.Client{Transport: middleware.ForwardTrace(kept)}
	app := newApp()
	app.Use(middleware.TraceContext)
	app.Handle("GET", "/", routing.NewEndpoint(func(ctx context.Context, in struct {
		Own string `query:"own"`
	},
	) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://other", http.NoBody)
		if err != nil {
			return "", err
		}
		if in.Own != "" {
			request.Header.Set("Traceparent", in.Own)
		}
		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		return "", response.Body.Close()
	}))
	s := serve(t, app)
	s.do("GET", "/", "X-Request-Id: a-1", "traceparent: "+parent, "tracestate: a=b")
	require.Equal(t, http.Header{"X-Request-Id": {"a-1"}, "Traceparent": {parent}, "Tracestate": {"a=b"}}, kept.header)
	s.do("GET", "/?own=mine", "X-Request-Id: a-2", "traceparent: "+parent, "tracestate: a=b")
	require.Equal(t, http.Header{"X-Request-Id": {"a-2"}, "Traceparent": {"mine"}}, kept.header)
	s.do("GET", "/", "X-Request-Id: a-3")
	require.Equal(t, http.Header{"X-Request-Id": {"a-3"}}, kept.header)
}
