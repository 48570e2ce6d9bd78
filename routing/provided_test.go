package routing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A provider is in the route's time limit, and sees it.
func TestTheTimeoutIsForProvidersToo(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	release := make(chan struct{})
	type input struct {
		User  user           `provide:""`
		Order map[string]int `body:""`
		Page  int            `query:"page"`
	}
	routing.Provide(r, func(ctx context.Context, in struct {
		Name string `path:"name"`
		Wait bool   `query:"wait"`
	},
	) (user, error) {
		_, ok := ctx.Deadline()
		assert.True(t, ok)
		if in.Wait {
			<-ctx.Done()
			<-release
		}
		return user{in.Name}, nil
	})
	r.Handle("POST", "/{name}", routing.NewEndpoint(func(_ context.Context, in input) (string, error) {
		return fmt.Sprint(in), nil
	}), routing.Timeout(time.Second))
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			// The request is the middleware's again, which the race detector knows.
			for range 100 {
				raw.Request.Header.Peek("X-Any")
				raw.QueryArgs().Peek("page")
			}
		}
	})
	r.Handle("POST", "/soon/{name}", routing.NewEndpoint(func(context.Context, input) (string, error) {
		assert.Fail(t, "the handler was called after the timeout")
		return "", nil
	}), routing.Timeout(time.Millisecond))
	h := routing.Build(r).ServeRequest

	for range 3 {
		assert.Equal(t, `"{{ada} map[a:1] 3}"`, string(ask(h, "POST", "/ada?page=3", `{"a":1}`).Body()))
	}
	raw := new(fasthttp.RequestCtx)
	raw.Init(new(fasthttp.Request), nil, nil)
	raw.Request.Header.SetMethod("POST")
	raw.Request.SetRequestURI("http://test/soon/x?wait=1&page=3")
	h(raw)
	require.Equal(t, 503, raw.LastTimeoutErrorResponse().StatusCode())
	assert.Contains(t, book.next(t), "the handler is still running after its timeout")
	close(release)
	record := book.next(t)
	assert.Contains(t, record, "the handler returned after its timeout")
	assert.Contains(t, record, "the input was not read to its end: context deadline exceeded")
}

// held is a text whose decoding waits, in the middle of the request.
type held string

var holding = make(chan chan struct{}, 1)

func (h *held) UnmarshalText(text []byte) error {
	release := make(chan struct{})
	holding <- release
	<-release
	*h = held(text)
	return nil
}

// A timeout answers only when the handler's goroutine has stopped reading the request,
// which is the next handler's then.
func TestATimeoutWaitsForTheReader(t *testing.T) {
	r := newRouter(t)
	var contexts sync.Map // by their requests
	routing.Provide(r, func(ctx context.Context, _ struct{}) (number, error) {
		raw, err := routing.RequestCtx(ctx)
		contexts.Store(raw, ctx)
		return 1, err
	}, routing.Everywhere())
	routing.Provide(r, func(_ context.Context, in struct {
		Held held `query:"held"`
	},
	) (user, error) {
		return user{string(in.Held)}, nil
	})
	r.Handle("GET", "/", routing.NewEndpoint(func(context.Context, struct {
		User user `provide:""`
		Page int  `query:"page"`
	},
	) (string, error) {
		assert.Fail(t, "the handler was called after the timeout")
		return "", nil
	}), routing.Timeout(time.Millisecond))
	h := routing.Build(r).ServeRequest
	var raw *fasthttp.RequestCtx
	var returned, release chan struct{}
	for release == nil { // until the time is not over before the decoding has begun
		raw, returned = new(fasthttp.RequestCtx), make(chan struct{})
		raw.Init(new(fasthttp.Request), nil, nil)
		raw.Request.SetRequestURI("http://test/?held=text")
		go func() {
			h(raw)
			close(returned)
		}()
		select {
		case release = <-holding:
		case <-returned:
		}
	}
	ctx, _ := contexts.Load(raw)
	await(t, ctx.(context.Context).Done(), "the timeout")
	for range 10_000 {
		runtime.Gosched()
	}
	select {
	case <-returned:
		assert.Fail(t, "the request was given back while it was read")
	default:
	}
	close(release)
	await(t, returned, "the answer")
	assert.Equal(t, 503, routing.SentStatus(raw))
}

func TestPanicsOfProviders(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	routing.Provide(r, func(_ context.Context, in struct {
		Name string `query:"name"`
	},
	) (user, error) {
		switch in.Name {
		case "panic":
			panic("on purpose")
		case "exit":
			runtime.Goexit()
		}
		return user{in.Name}, nil
	})
	r.Handle("GET", "/plain", routing.NewEndpoint(who))
	r.Handle("GET", "/timed", routing.NewEndpoint(who), routing.Timeout(testTimeout))
	h := routing.Build(r).ServeRequest
	for _, path := range []string{"/plain", "/timed"} {
		for range 3 {
			got := ask(h, "GET", path+"?name=panic", "")
			assert.Equal(t, 500, got.StatusCode())
			assert.NotContains(t, string(got.Body()), "on purpose")
			record := book.next(t)
			assert.Contains(t, record, "panic in a handler")
			assert.Contains(t, record, "provided_test.go", "the stack")
			assert.Empty(t, string(ask(h, "GET", path, "").Body()))
		}
	}
	assert.Equal(t, 500, ask(h, "GET", "/timed?name=exit", "").StatusCode())
	assert.Contains(t, book.next(t), "runtime.Goexit")
}

// All that can be around a handler at once: the middleware of a group, a provider, a timeout,
// and parameters in the path or none.
func TestProvidersBehindMiddleware(t *testing.T) {
	pass := func(next fasthttp.RequestHandler) fasthttp.RequestHandler { return next }
	for _, middleware := range [][]routing.Middleware{nil, {pass}} {
		for _, options := range [][]routing.Option{nil, {routing.Timeout(testTimeout)}} {
			r := newRouter(t)
			g := r.Group("/api", middleware...)
			routing.Provide(g, userNamed("ada"))
			g.Handle("GET", "/me", routing.NewEndpoint(who), options...)
			g.Handle("GET", "/users/{id}", routing.NewEndpoint(who), options...)
			h := routing.Build(r).ServeRequest
			for _, path := range []string{"/api/me", "/api/users/7", "/api/me"} {
				got := ask(h, "GET", path, "")
				assert.Equal(t, 200, got.StatusCode(), "%s, %d middleware, %d options", path, len(middleware), len(options))
			}
		}
	}
}

// Uploads that a late goroutine has opened are closed as those of other routes.
func TestUploadsBehindProviders(t *testing.T) {
	type input struct {
		File params.File `form:"file"`
		User user        `provide:""`
	}
	var files []params.File
	read := routing.NewEndpoint(func(_ context.Context, in input) (string, error) {
		files = append(files, in.File)
		file, err := in.File.Open()
		if err != nil {
			return "", err
		}
		defer file.Close()
		text, err := io.ReadAll(file)
		return string(text) + in.User.Name, err
	})
	r := newRouter(t)
	routing.Provide(r, userNamed("ada"))
	r.Handle("POST", "/plain", read)
	r.Handle("POST", "/timed", read, routing.Timeout(testTimeout))
	h := routing.Build(r).ServeRequest
	for _, path := range []string{"/plain", "/timed"} {
		raw := uploading(t)
		raw.Request.SetRequestURI("http://test" + path)
		h(raw)
		assert.Equal(t, `"contentada"`, string(raw.Response.Body()), path)
	}
	for _, file := range files {
		_, err := file.Open()
		assert.Error(t, err)
	}
}

// What one request is given no other one sees: not with many at a time, and not after
// one that has ended half-way.
func TestProvidedValuesDoNotMix(t *testing.T) {
	type list struct{ words []string }
	type part struct{ text string }
	runner := background.NewRunner(background.RunnerOptions{})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	r := routing.New(routing.Options{Runner: runner, Logger: slog.New(slog.DiscardHandler)})
	routing.Provide(r, func(_ context.Context, in everything) (*list, error) {
		return &list{append(in.List, in.Text)}, nil
	})
	routing.Provide(r, func(_ context.Context, in struct {
		List *list  `provide:""`
		Fail string `query:"fail"`
		N    int    `query:"n" validate:"max=100"`
	},
	) (part, error) {
		if in.Fail == "part" {
			return part{"half " + in.List.words[0]}, errors.New("on purpose")
		}
		return part{fmt.Sprintf("%v %v", in.List.words, in.N)}, nil
	})
	var ran sync.Map
	handle := func(_ context.Context, in struct {
		List *list  `provide:""`
		Part part   `provide:""`
		Fail string `query:"fail" validate:"ne=rest"`
		N    int    `query:"n"`
		Text string `query:"text"`
	},
	) (responses.JSONResponse[string, *background.Task], error) {
		text := fmt.Sprintf("%v %v %v %v", in.List.words, in.Part.text, in.N, in.Text)
		return responses.JSON(text, background.Func("keep", func(context.Context) error {
			ran.Store(in.Text, fmt.Sprintf("%v %v %v %v", in.List.words, in.Part.text, in.N, in.Text))
			return nil
		})), nil
	}
	r.Handle("GET", "/plain", routing.NewEndpoint(handle))
	r.Handle("GET", "/timed", routing.NewEndpoint(handle), routing.Timeout(testTimeout))
	assert.True(t, routing.ReusesExchanges(r))
	h := routing.Build(r).ServeRequest
	const workers, rounds = 8, 200
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range rounds {
				text := fmt.Sprintf("%d-%d", w, n)
				target := fmt.Sprintf("/%s?text=%s&list=%[2]s&n=%d", []string{"plain", "timed"}[n/7%2], text, n%100)
				want := 200
				switch n % 5 {
				case 1:
					target, want = target+"&fail=part", 500
				case 2:
					target, want = target+"&fail=rest", 422
				case 3:
					target, want = target+"&n=7", 422 // twice
				}
				got := ask(h, "GET", target, "")
				if assert.Equal(t, want, got.StatusCode()) && want == 200 {
					assert.Equal(t, fmt.Sprintf(`"[%s %[1]s] [%[1]s %[1]s] %d %[2]d %[1]s"`, text, n%100), string(got.Body()))
				}
			}
		})
	}
	wg.Wait()
	count := 0
	ran.Range(func(text, got any) bool {
		var w, n int
		_, err := fmt.Sscanf(text.(string), "%d-%d", &w, &n)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("[%s %[1]s] [%[1]s %[1]s] %d %[2]d %[1]s", text, n%100), got)
		count++
		return true
	})
	assert.NotZero(t, count)
}

// Nothing that was provided is kept alive by the memory that a route uses again.
func TestProvidedValuesAreForgotten(t *testing.T) {
	type big struct{ text [1 << 16]byte }
	type after struct{}
	var made []weak.Pointer[big]
	r := newRouter(t)
	routing.Provide(r, func(context.Context, struct{}) (*big, error) {
		b := new(big)
		made = append(made, weak.Make(b))
		return b, nil
	})
	routing.Provide(r, func(_ context.Context, in struct {
		Big  *big   `provide:""`
		N    int    `query:"n"`
		Fail string `query:"fail"`
	},
	) (after, error) {
		if in.Fail != "" {
			return after{}, responses.NewProblem(400, "on purpose")
		}
		return after{}, nil
	})
	r.Handle("GET", "/", routing.NewEndpoint(func(context.Context, struct {
		Big   *big  `provide:""`
		After after `provide:""`
		M     int   `query:"m"`
	},
	) (string, error) {
		return "", nil
	}))
	require.True(t, routing.ReusesExchanges(r))
	h := routing.Build(r).ServeRequest
	for query, status := range map[string]int{"": 200, "n=x": 422, "fail=1": 400, "m=x": 422} {
		assert.Equal(t, status, ask(h, "GET", "/?"+query, "").StatusCode(), query)
		runtime.GC() // which leaves what lies in a pool, for the first time
		assert.Nil(t, made[len(made)-1].Value(), query)
	}
	require.Len(t, made, 4)
	runtime.KeepAlive(h)
}

// kept is what a type learned of where it lies.
var kept []*selfText

// selfText keeps its address while it is decoded.
type selfText struct{ text string }

func (s *selfText) UnmarshalText(text []byte) error {
	s.text = string(text)
	kept = append(kept, s)
	return nil
}

// The input of a provider is not used again where a type's own method may have kept its
// address, and a provided value of such a type does not matter, since nobody decodes it.
func TestInputsOfProvidersAreUsedAgainWhereNobodyKeepsThem(t *testing.T) {
	kept = nil
	r := newRouter(t)
	routing.Provide(r, func(_ context.Context, in struct {
		Self selfText `query:"self"`
	},
	) (user, error) {
		return user{in.Self.text}, nil
	})
	routing.Provide(r, func(context.Context, struct{}) (netip.Addr, error) { return netip.IPv4Unspecified(), nil })
	r.Handle("GET", "/self", routing.NewEndpoint(who))
	assert.False(t, routing.ReusesExchanges(r))
	type addr struct {
		Addr netip.Addr `provide:""`
	}
	type embedding struct {
		addr
		N int `query:"n"`
	}
	for _, endpoint := range []routing.Endpoint{
		routing.NewEndpoint(func(context.Context, addr) (string, error) { return "", nil }),
		routing.NewEndpoint(func(context.Context, embedding) (string, error) { return "", nil }),
	} {
		r.Handle("GET", fmt.Sprintf("/addr%d", len(r.Routes())), endpoint)
		assert.True(t, routing.ReusesExchanges(r))
	}
	assert.False(t, reusable[struct {
		Addr netip.Addr `query:"addr"`
	}, string]())
	assert.False(t, reusable[struct {
		Addr struct {
			In netip.Addr `provide:""`
		} `body:""`
	}, string](), "a member of a body is decoded, whatever its tags")
	type Body struct {
		In netip.Addr `provide:""`
	}
	assert.False(t, reusable[struct {
		Body `body:""`
	}, string](), "also of an embedded one")

	h := routing.Build(r).ServeRequest
	for i := range 20 {
		ask(h, "GET", fmt.Sprintf("/self?self=%d", i), "")
	}
	for i, s := range kept {
		assert.Equal(t, fmt.Sprint(i), s.text)
	}
	assert.Len(t, slices.Compact(kept), 20)
}

// What a provider has taken can be given back when the request ends, and a value that is
// an io.Closer is left alone: it may be the service's only one.
func TestWhatAProviderTakesEndsWithTheRequest(t *testing.T) {
	type transaction struct{ text string }
	ended := make(chan string, 10)
	shared := &closer{}
	r := newRouter(t)
	routing.Provide(r, func(context.Context, struct{}) (io.Closer, error) { return shared, nil })
	routing.Provide(r, func(ctx context.Context, in everything) (*transaction, error) {
		context.AfterFunc(ctx, func() { ended <- "end of " + in.Text })
		return &transaction{in.Text}, nil
	})
	r.Handle("GET", "/", routing.NewEndpoint(func(_ context.Context, in struct {
		Closer      io.Closer    `provide:""`
		Transaction *transaction `provide:""`
		N           int          `query:"n"`
	},
	) (string, error) {
		assert.Empty(t, ended)
		if in.N == 1 {
			return "", errors.New("on purpose")
		}
		return "", nil
	}))
	h := routing.Build(r).ServeRequest
	for _, query := range []string{"text=a", "text=b&n=1", "text=c&n=x"} {
		ask(h, "GET", "/?"+query, "")
		assert.Equal(t, "end of "+query[5:6], await(t, ended, "the end"))
	}
	assert.Zero(t, shared.closed)
}

type closer struct{ closed int }

func (c *closer) Close() error {
	c.closed++
	return nil
}
