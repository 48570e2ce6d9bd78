package routing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
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

// A route uses the memory of its exchanges again. These tests are about who may
// still look at it then.

// answer serves a request without a server, so that the next one is likely to
// get what this one has given back. It leaves the user values open.
func answer(handler fasthttp.RequestHandler, target string) *fasthttp.RequestCtx {
	raw := new(fasthttp.RequestCtx)
	raw.Init(new(fasthttp.Request), nil, nil)
	raw.Request.SetRequestURI("http://test" + target)
	raw.Request.Header.SetProtocol("HTTP/1.1")
	handler(raw)
	return raw
}

// others serves requests whose input and output are not those of any test.
func others(handler fasthttp.RequestHandler, path string) {
	for range 20 {
		answer(handler, path+"?text=other&list=other").ResetUserValues()
	}
}

type everything struct {
	Text    string   `query:"text"`
	List    []string `query:"list"`
	Pointer *string  `query:"pointer"`
	Number  int      `query:"number"`
	Default string   `query:"default" default:"default"`
}

type echo struct {
	everything
	Extra map[string]string `json:"extra,omitempty"`
}

func TestAnInputStartsAsZero(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(_ context.Context, in everything) (*echo, error) { return &echo{everything: in}, nil })
	handler := routing.Build(r).ServeRequest
	const empty = `{"Text":"","List":null,"Pointer":null,"Number":0,"Default":"default"}`
	for range 10 {
		full := answer(handler, "/?text=a&list=b&list=c&pointer=d&number=7&default=e")
		assert.JSONEq(t, `{"Text":"a","List":["b","c"],"Pointer":"d","Number":7,"Default":"e"}`, string(full.Response.Body()))
		assert.JSONEq(t, empty, string(answer(handler, "/").Response.Body()))
		assert.Equal(t, 422, answer(handler, "/?text=a&list=b&number=x").Response.StatusCode())
		assert.JSONEq(t, empty, string(answer(handler, "/").Response.Body()))
	}
}

// A handler may fill a part of its output only.
func TestAnOutputStartsAsZero(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(_ context.Context, in everything) (out responses.JSONResponse[echo, *background.Task], err error) {
		if in.Text != "" {
			out.Content = echo{in, map[string]string{"k": "v"}}
			out.Status, out.Header = 202, responses.Header{"X-Extra": {"1"}}
			out.Background = background.Func("nothing", func(context.Context) error { return nil })
		}
		return out, err
	})
	handler := routing.Build(r).ServeRequest
	for range 10 {
		full := answer(handler, "/?text=a")
		assert.Equal(t, 202, full.Response.StatusCode())
		full.ResetUserValues()
		plain := answer(handler, "/")
		assert.Equal(t, 200, plain.Response.StatusCode())
		assert.Empty(t, plain.Response.Header.Peek("X-Extra"))
		assert.NotContains(t, string(plain.Response.Body()), "extra")
	}
}

// Each response and its task are those of the request, with many at a time.
func TestRequestsAtTheSameTimeDoNotMix(t *testing.T) {
	const workers, rounds = 16, 300
	r := newRouter(t)
	var ran sync.Map
	r.Get("/", func(ctx context.Context, in everything) (responses.JSONResponse[everything, *background.Task], error) {
		return responses.JSON(in, background.Func("keep", func(task context.Context) error {
			ran.Store(in.Text, routing.RequestID(task)+" "+routing.RequestID(ctx))
			return nil
		})), nil
	})
	handler := routing.Build(r).ServeRequest
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range rounds {
				text := fmt.Sprintf("%d-%d", w, n)
				raw := new(fasthttp.RequestCtx)
				raw.Init(new(fasthttp.Request), nil, nil)
				raw.Request.SetRequestURI("http://test/?text=" + text + "&list=" + text)
				raw.Request.Header.Set(routing.RequestIDHeader, "id-"+text)
				handler(raw)
				assert.JSONEq(t, fmt.Sprintf(`{"Text":%q,"List":[%q],"Pointer":null,"Number":0,"Default":"default"}`, text, text), string(raw.Response.Body()))
				raw.ResetUserValues()
			}
		})
	}
	wg.Wait()
	for w := range workers {
		for n := range rounds {
			text := fmt.Sprintf("%d-%d", w, n)
			require.Eventually(t, func() bool { _, ok := ran.Load(text); return ok }, testTimeout, time.Millisecond)
			ids, _ := ran.Load(text)
			assert.Equal(t, "id-"+text+" id-"+text, ids)
		}
	}
}

// Only who was given an input or an output keeps it alive, and no exchange that
// waits for its next request.
func TestAnExchangeForgetsItsInputAndOutput(t *testing.T) {
	var in, out weak.Pointer[string]
	handle := func(_ context.Context, got everything) (*string, error) {
		text := "output of " + *got.Pointer
		in, out = weak.Make(got.Pointer), weak.Make(&text)
		return &text, nil
	}
	for name, endpoint := range map[string]routing.Endpoint{"typed": routing.NewEndpoint(handle), "reflected": routing.Reflected(t, handle)} {
		r := newRouter(t)
		r.Handle("GET", "/", endpoint)
		handler := routing.Build(r).ServeRequest
		assert.Equal(t, `"output of a"`, string(answer(handler, "/?pointer=a").Response.Body()), name)
		runtime.GC() // which leaves what lies in a pool, for the first time
		assert.Nil(t, in.Value(), "%s input", name)
		assert.Nil(t, out.Value(), "%s output", name)
		runtime.KeepAlive(handler)
	}
}

// A goroutine keeps its context while later requests are answered.
func TestAContextIsKeptAcrossLaterRequests(t *testing.T) {
	type key struct{}
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue(key{}, string(raw.QueryArgs().Peek("text")))
			next(raw)
		}
	})
	kept := make(chan context.Context, 1)
	var wg sync.WaitGroup
	r.Get("/", func(ctx context.Context, in everything) (string, error) {
		if in.Text == "kept" {
			kept <- ctx
			wg.Go(func() {
				for ctx.Err() == nil { // under way or ended, at any moment
					assert.Equal(t, "kept", ctx.Value(key{}))
					_, _ = ctx.Deadline()
					_ = routing.RequestID(ctx)
				}
				<-ctx.Done()
			})
		}
		return "", nil
	})
	handler := routing.Build(r).ServeRequest
	for range 50 {
		raw := answer(handler, "/?text=kept")
		others(handler, "/")
		ctx := <-kept
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		assert.Equal(t, "kept", ctx.Value(key{}))
		assert.Equal(t, string(raw.Response.Header.Peek(routing.RequestIDHeader)), routing.RequestID(ctx))
		_, err := routing.RequestCtx(ctx)
		require.ErrorIs(t, err, routing.ErrRequestEnded)
	}
	wg.Wait()
}

func TestALateHandlerKeepsWhatIsItsOwn(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	leave, seen := make(chan struct{}), make(chan string, 1)
	r.Get("/", func(ctx context.Context, in everything) (responses.TextResponse, error) {
		if in.Text == "late" {
			<-leave
			seen <- in.Text + in.List[0] + ctx.Err().Error()
			return responses.TextResponse{Content: "late", Status: 201}, nil
		}
		return responses.Text(in.Text), nil
	}, routing.Timeout(time.Millisecond))
	handler := routing.Build(r).ServeRequest
	raw := answer(handler, "/?text=late&list=own")
	assert.Equal(t, 503, raw.LastTimeoutErrorResponse().StatusCode())
	book.next(t)
	others(handler, "/")
	close(leave)
	for range 200 { // while the late one returns
		if raw := answer(handler, "/?text=own"); raw.LastTimeoutErrorResponse() == nil {
			require.Equal(t, "own", string(raw.Response.Body()))
			require.Equal(t, 200, raw.Response.StatusCode())
		}
	}
	assert.Equal(t, "lateowncontext deadline exceeded", await(t, seen, "the late handler"))
}

func TestNothingIsLeftOfAPanicOrAGoexit(t *testing.T) {
	r := newRouter(t)
	handle := func(_ context.Context, in everything) (responses.TextResponse, error) {
		switch in.Text {
		case "panic":
			panic("on purpose")
		case "goexit":
			runtime.Goexit()
		}
		return responses.Text(in.Text + strings.Join(in.List, "")), nil
	}
	r.Get("/", handle)
	r.Get("/within", handle, routing.Timeout(time.Hour))
	handler := routing.Build(r).ServeRequest
	for _, path := range []string{"/", "/within"} {
		for range 10 {
			assert.Equal(t, 500, answer(handler, path+"?text=panic&list=x").Response.StatusCode())
			assert.Equal(t, "a", string(answer(handler, path+"?text=a").Response.Body()))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				answer(handler, path+"?text=goexit&list=x")
			}()
			await(t, ended, "the goroutine")
			assert.Equal(t, "a", string(answer(handler, path+"?text=a").Response.Body()))
		}
	}
}

func TestAStreamKeepsItsResponse(t *testing.T) {
	r := newRouter(t)
	// By value, so that it lies in the exchange.
	r.Get("/", func(ctx context.Context, in everything) (responses.EventStreamResponse, error) {
		return responses.EventStreamResponse{Run: func(events *responses.EventWriter) error {
			return errors.Join(ctx.Err(), events.Send(responses.Event{Data: in.Text}))
		}}, nil
	})
	handler := routing.Build(r).ServeRequest
	for range 10 {
		raw := answer(handler, "/?text=own")
		others(handler, "/")
		body := raw.Response.Body() // reads the stream
		assert.Equal(t, "data: own\n\n", string(body))
		raw.ResetUserValues()
	}

	// A middleware that compresses reads on a goroutine of its own, which may
	// come late when the client is gone.
	raw := answer(handler, "/?text=own")
	stream := raw.Response.BodyStream()
	raw.ResetUserValues()
	others(handler, "/")
	var late bytes.Buffer
	_, err := io.Copy(&late, stream)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "data: own\n\n", late.String())
}

// A middleware that answers first leaves the stream behind, for whom it may.
func TestAStreamThatIsNotSentKeepsItsResponse(t *testing.T) {
	r := newRouter(t)
	answered := false
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if !answered {
				raw.TimeoutError("too late")
			}
			answered = true
			next(raw)
		}
	})
	r.Get("/", func(_ context.Context, in everything) (responses.EventStreamResponse, error) {
		return responses.EventStreamResponse{Run: func(events *responses.EventWriter) error {
			return events.Send(responses.Event{Data: in.Text})
		}, Background: background.Func("nothing", func(context.Context) error { return nil })}, nil
	})
	handler := routing.Build(r).ServeRequest
	raw := answer(handler, "/?text=own")
	others(handler, "/")
	assert.Equal(t, "data: own\n\n", string(raw.Response.Body()))
}

func TestAnUploadIsReadByWorkAcrossLaterRequests(t *testing.T) {
	r := newRouter(t)
	goOn, read := make(chan struct{}), make(chan string, 1)
	var kept params.File
	type upload struct {
		File params.File `form:"file"`
	}
	r.Post("/", func(_ context.Context, in upload) (responses.TextResponse, error) {
		response := responses.Text(in.File.Name)
		if in.File.Given() {
			kept = in.File
			response.Background = background.Func("read", func(context.Context) error {
				<-goOn
				f, err := in.File.Open()
				if err != nil {
					return err
				}
				content := make([]byte, in.File.Size)
				_, err = f.Read(content)
				read <- string(content)
				return errors.Join(err, f.Close())
			})
		}
		return response, nil
	})
	handler := routing.Build(r).ServeRequest
	post := func(body string) {
		raw := new(fasthttp.RequestCtx)
		raw.Init(new(fasthttp.Request), nil, nil)
		raw.Request.SetRequestURI("http://test/")
		raw.Request.Header.SetMethod("POST")
		raw.Request.Header.SetContentType("multipart/form-data; boundary=b")
		raw.Request.SetBodyString(body)
		handler(raw)
		assert.Equal(t, 200, raw.Response.StatusCode(), "%s", raw.Response.Body())
		raw.ResetUserValues()
		raw.Request.Reset() // deletes temporary files
	}
	post("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ncontent\r\n--b--\r\n")
	for range 20 {
		post("--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n")
	}
	close(goOn)
	assert.Equal(t, "content", await(t, read, "the task"))
	require.Eventually(t, func() bool {
		f, err := kept.Open()
		if err == nil {
			_ = f.Close()
		}
		return errors.Is(err, os.ErrClosed)
	}, testTimeout, time.Millisecond, "the upload stays open")
}

// Who wraps the handler may copy user values to another request, so that what
// waits in them for the end is closed twice.
func TestAHandOverThatIsClosedTwiceDoesNotTouchOtherRequests(t *testing.T) {
	r := newRouter(t)
	ran := make(chan string, 10)
	r.Get("/", func(_ context.Context, in everything) (responses.TextResponse, error) {
		return responses.TextResponse{Content: in.Text, Background: background.Func(in.Text, func(context.Context) error {
			ran <- in.Text
			return nil
		})}, nil
	})
	handler, copied := routing.Build(r).ServeRequest, new(fasthttp.RequestCtx)
	do(t, func(raw *fasthttp.RequestCtx) {
		handler(raw)
		raw.VisitUserValuesAll(copied.SetUserValue)
	}, "GET", "/?text=first")
	assert.Equal(t, "first", await(t, ran, "the first task"))

	do(t, func(raw *fasthttp.RequestCtx) {
		handler(raw) // with the exchange of the first
		copied.ResetUserValues()
		select {
		case name := <-ran:
			assert.Fail(t, "a task ran before its response was sent", name)
		case <-time.After(time.Millisecond): // a wrong order may be missed, a right one never fails
		}
	}, "GET", "/?text=second")
	assert.Equal(t, "second", await(t, ran, "the second task"))
}

// A middleware that calls next twice has two requests of one connection pending.
func TestTheWorkOfBothCallsOfNextRuns(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			next(raw)
			next(raw)
		}
	})
	ran := make(chan int, 2)
	calls := 0
	r.Get("/", func(context.Context, everything) (responses.TextResponse, error) {
		calls++
		call := calls
		return responses.TextResponse{Background: background.Func("work", func(context.Context) error {
			ran <- call
			return nil
		})}, nil
	})
	do(t, routing.Build(r).ServeRequest, "GET", "/")
	assert.ElementsMatch(t, []int{1, 2}, []int{await(t, ran, "a task"), await(t, ran, "the other task")})
	assert.Zero(t, routing.Pending(r))
}

// Nobody tells when the response of a RequestCtx is sent that no server made.
func TestWorkWithoutAServerStartsWhenTheHandlerReturns(t *testing.T) {
	r := newRouter(t)
	ran := make(chan struct{})
	r.Get("/", func(context.Context, everything) (responses.TextResponse, error) {
		return responses.TextResponse{Content: "text", Background: background.Func("work", func(context.Context) error {
			close(ran)
			return nil
		})}, nil
	})
	raw := answer(routing.Build(r).ServeRequest, "/")
	await(t, ran, "the task")
	assert.Equal(t, "text", string(raw.Response.Body()))
}

// A stream that nobody closes is settled at the latest when the server has ended.
func TestSettleRunsTheWorkOfAStreamThatIsLeftBehind(t *testing.T) {
	r := newRouter(t)
	ran := make(chan struct{})
	var ctx context.Context
	r.Get("/", func(c context.Context, _ everything) (*responses.StreamResponse, error) {
		ctx = c
		stream := responses.Stream("", func(*responses.StreamWriter) error { return nil })
		stream.Background = background.Func("work", func(context.Context) error {
			close(ran)
			return nil
		})
		return stream, nil
	})
	raw := answer(routing.Build(r).ServeRequest, "/")
	require.NoError(t, ctx.Err())
	routing.Build(r).Settle(t.Context())
	await(t, ran, "the task")
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	raw.ResetUserValues() // does nothing any more
	routing.Build(r).Settle(t.Context())
}

// Requests that no server made may all have the number 0. One that fails, or is
// late, says nothing of another's work.
func TestRequestsWithoutAServerAreApart(t *testing.T) {
	r := newRouter(t)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			switch next(raw); string(raw.Path()) {
			case "/fails":
				raw.SetStatusCode(500)
			case "/panics":
				panic("on purpose")
			case "/late":
				raw.TimeoutError("too late")
			}
		}
	})
	work := make(chan string, 3)
	stream := func(_ context.Context, in struct {
		Name string `query:"name"`
	},
	) (*responses.StreamResponse, error) {
		stream := responses.Stream("", func(*responses.StreamWriter) error { return nil })
		stream.Background = background.Func("work", func(context.Context) error {
			work <- in.Name
			return nil
		})
		return stream, nil
	}
	r.Get("/stream", stream)
	for _, other := range []string{"/fails", "/panics", "/late"} {
		r.Get(other, stream)
	}
	handler := routing.Build(r).ServeRequest
	call := func(target string) *fasthttp.RequestCtx {
		raw := new(fasthttp.RequestCtx)
		raw.Request.SetRequestURI(target)
		handler(raw)
		return raw
	}
	for other, runs := range map[string]bool{"/fails": false, "/panics": false, "/late": true} {
		first, second := call("/stream?name=first"), call("/stream?name=second")
		call(other + "?name=" + other)
		if runs {
			assert.Equal(t, other, await(t, work, "the work of the other"))
		}
		second.ResetUserValues()
		assert.Equal(t, "second", await(t, work, "the work of the second"), other)
		first.ResetUserValues()
		assert.Equal(t, "first", await(t, work, "the work of the first"), other)
	}
	routing.Build(r).Settle(t.Context())
	assert.Empty(t, work)
}

// A selfish value keeps its own address, which nobody can forbid.
type selfish struct{ text string }

var selves struct {
	mu      sync.Mutex // guards what follows
	decoded []*selfish
	encoded []*selfish
}

func (s *selfish) UnmarshalText(text []byte) error {
	s.text = string(text)
	selves.mu.Lock()
	defer selves.mu.Unlock()
	selves.decoded = append(selves.decoded, s)
	return nil
}

func (s *selfish) MarshalText() ([]byte, error) {
	selves.mu.Lock()
	defer selves.mu.Unlock()
	selves.encoded = append(selves.encoded, s)
	return []byte(s.text), nil
}

// An arrayResponse gives fasthttp a slice of itself.
type arrayResponse struct{ body [1]byte }

func (r *arrayResponse) Write(raw *fasthttp.RequestCtx) error {
	raw.Response.SetBodyRaw(r.body[:])
	return nil
}

func (*arrayResponse) Work() background.Work { return nil }

func TestAValueThatKeepsItsAddressIsLeftAlone(t *testing.T) {
	r := newRouter(t)
	r.Get("/in", func(_ context.Context, in struct {
		Self selfish `query:"self"`
	},
	) (string, error) {
		return in.Self.text, nil
	})
	r.Get("/out", func(_ context.Context, in everything) (struct{ Self [1]selfish }, error) {
		return struct{ Self [1]selfish }{[1]selfish{{in.Text}}}, nil
	})
	r.Get("/array", func(_ context.Context, in everything) (arrayResponse, error) {
		return arrayResponse{[1]byte{in.Text[0]}}, nil
	})
	handler := routing.Build(r).ServeRequest
	var arrays []*fasthttp.RequestCtx
	for i := range 10 {
		answer(handler, fmt.Sprintf("/in?self=%d", i))
		assert.JSONEq(t, fmt.Sprintf(`{"Self":["%d"]}`, i), string(answer(handler, fmt.Sprintf("/out?text=%d", i)).Response.Body()))
		arrays = append(arrays, answer(handler, fmt.Sprintf("/array?text=%d", i)))
	}
	for i := range 10 {
		want := fmt.Sprint(i)
		assert.Equal(t, want, selves.decoded[i].text)
		assert.Equal(t, want, selves.encoded[i].text)
		assert.Equal(t, want, string(arrays[i].Response.Body()))
	}
}
