package velithon_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// These tests are about what middleware, clients and shutdowns may do to a
// response with work: each task is run once or given up by name in the log, its
// room is returned, and nothing holds a shutdown up.

// An interference is what a middleware does around next.
type interference func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx)

// after calls next first.
func after(then func(raw *fasthttp.RequestCtx)) interference {
	return func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		next(raw)
		then(raw)
	}
}

// timeoutHandler is fasthttp's own limit, which the handlers below exceed at times.
func timeoutHandler(limit time.Duration) interference {
	return func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		fasthttp.TimeoutHandler(next, limit, "too late")(raw)
	}
}

func keys(raw *fasthttp.RequestCtx) (keys []any) {
	raw.VisitUserValuesAll(func(key, _ any) { keys = append(keys, key) })
	return keys
}

// harmless are those after which the work runs, and harmful those after which it
// is given up.
var harmless = map[string]interference{
	"nothing":    func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) { next(raw) },
	"late":       after(func(raw *fasthttp.RequestCtx) { raw.TimeoutError("late") }),
	"late twice": after(func(raw *fasthttp.RequestCtx) { raw.TimeoutError("late"); raw.TimeoutErrorWithCode("later", 500) }),
	"late already": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		raw.TimeoutError("late")
		next(raw)
	},
	"late beside": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		go next(raw)
		raw.TimeoutError("late")
	},
	"a late panic": after(func(raw *fasthttp.RequestCtx) {
		raw.TimeoutError("late")
		panic("on purpose")
	}),
	"within 1 ms": timeoutHandler(time.Millisecond),
	"within 1 h":  timeoutHandler(time.Hour),
	"another goroutine": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			next(raw)
		}()
		<-done
	},
	"values reset": after(func(raw *fasthttp.RequestCtx) { raw.ResetUserValues() }),
	"values removed": after(func(raw *fasthttp.RequestCtx) {
		for _, key := range keys(raw) {
			raw.RemoveUserValue(key)
		}
	}),
	"values replaced": after(func(raw *fasthttp.RequestCtx) {
		for _, key := range keys(raw) {
			raw.SetUserValue(key, "replaced")
		}
	}),
	"request reset": after(func(raw *fasthttp.RequestCtx) { raw.Request.Reset() }),
	"request copied": after(func(raw *fasthttp.RequestCtx) {
		request := fasthttp.AcquireRequest()
		raw.Request.CopyTo(request)
		raw.VisitUserValuesAll(request.SetUserValue)
		fasthttp.ReleaseRequest(request)
	}),
	"context copied": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		copied := new(fasthttp.RequestCtx)
		reflect.ValueOf(copied).Elem().Set(reflect.ValueOf(raw).Elem())
		next(copied)
		copied.Response.CopyTo(&raw.Response)
	},
	"context of its own": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		var own fasthttp.RequestCtx
		own.Init(&raw.Request, raw.RemoteAddr(), nil)
		next(&own)
		raw.SetBody(own.Response.Body()) // reads a stream to its end
		own.Request.Reset()
	},
	"body replaced": after(func(raw *fasthttp.RequestCtx) { raw.SetBodyString("replaced") }),
	"response replaced": after(func(raw *fasthttp.RequestCtx) {
		raw.Response.Reset()
		raw.Response.SetBodyString("replaced")
	}),
	"connection ends": after(func(raw *fasthttp.RequestCtx) { raw.SetConnectionClose() }),
	"client is gone":  after(func(raw *fasthttp.RequestCtx) { _ = raw.Conn().Close() }),
	"hijacked":        after(func(raw *fasthttp.RequestCtx) { raw.Hijack(func(net.Conn) {}) }),
	"hijacked by a handler that ends its goroutine": after(func(raw *fasthttp.RequestCtx) {
		raw.Hijack(func(net.Conn) { runtime.Goexit() })
	}),
	"hijacked for long": after(func(raw *fasthttp.RequestCtx) {
		raw.Hijack(func(net.Conn) { time.Sleep(time.Hour) })
	}),
	"hijacked and skipped": after(func(raw *fasthttp.RequestCtx) {
		raw.Hijack(func(net.Conn) { panic("must not run") })
		raw.SetConnectionClose()
	}),
	"hijacked of a client that is gone": after(func(raw *fasthttp.RequestCtx) {
		raw.Hijack(func(net.Conn) {})
		_ = raw.Conn().Close()
	}),
	"hijacked without a response": after(func(raw *fasthttp.RequestCtx) {
		raw.HijackSetNoResponse(true)
		raw.Hijack(func(net.Conn) {})
	}),
	"next twice": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		next(raw)
		next(raw)
	},
	"next again": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		next(raw)
		raw.Response.Reset()
		raw.ResetUserValues()
		next(raw)
	},
	"a value that closes": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		raw.SetUserValue("value", closer(make(chan struct{})))
		next(raw)
	},
}

var harmful = map[string]interference{
	"a panic": after(func(*fasthttp.RequestCtx) { panic("on purpose") }),
	"a panic without values": after(func(raw *fasthttp.RequestCtx) {
		raw.ResetUserValues()
		panic("on purpose")
	}),
	"Goexit": after(func(*fasthttp.RequestCtx) { runtime.Goexit() }),
	"Goexit without values": after(func(raw *fasthttp.RequestCtx) {
		raw.ResetUserValues()
		runtime.Goexit()
	}),
	"a failure in its place": after(func(raw *fasthttp.RequestCtx) { raw.Error("not committed", 500) }),
	"a failure of its status": after(func(raw *fasthttp.RequestCtx) {
		raw.ResetUserValues()
		raw.SetStatusCode(409)
	}),
	"a failure the second time": func(next fasthttp.RequestHandler, raw *fasthttp.RequestCtx) {
		next(raw)
		raw.Request.SetRequestURI("/none")
		next(raw)
	},
}

// A ledger notes what became of the tasks of one app.
type ledger struct {
	mu       sync.Mutex // guards what follows
	promised []string
	ran      map[string]int
	givenUp  map[string]int
}

// promise returns a new task.
func (l *ledger) promise() *background.Task {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := fmt.Sprintf("task %d", len(l.promised))
	l.promised = append(l.promised, name)
	return background.Func(name, func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ran[name]++
		return nil
	})
}

// Handle implements [slog.Handler]. Each record that names a task says that it
// is given up: none of them fails.
func (l *ledger) Handle(_ context.Context, record slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for attr := range record.Attrs {
		if attr.Key == "tasks" {
			for _, name := range attr.Value.Any().([]string) {
				l.givenUp[name]++
			}
		}
	}
	return nil
}

func (l *ledger) Enabled(context.Context, slog.Level) bool { return true }
func (l *ledger) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *ledger) WithGroup(string) slog.Handler            { return l }

// requireSettled requires that each task was run or given up, and returns how
// many of them were run and how many given up.
func (l *ledger) requireSettled(t *testing.T) (ran, givenUp int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range l.promised {
		require.Equal(t, 1, l.ran[name]+l.givenUp[name], "%s was run %d times and given up %d times", name, l.ran[name], l.givenUp[name])
	}
	return len(l.ran), len(l.givenUp)
}

// A promisingApp answers with tasks of a ledger. The path says which kind of
// response, the field Do which interference.
type promisingApp struct {
	*velithon.App
	*ledger
	listener *memoryListener
	served   chan error
}

const queue = 10

func newPromisingApp(overflow background.Overflow) *promisingApp {
	l := &ledger{ran: make(map[string]int), givenUp: make(map[string]int)}
	a := &promisingApp{
		App: velithon.New(velithon.Options{
			Logger: slog.New(l),
			Runner: background.RunnerOptions{Workers: 2, Queue: queue, Overflow: overflow},
		}),
		ledger:   l,
		listener: newMemoryListener(),
		served:   make(chan error, 1),
	}
	interferences := maps.Clone(harmless)
	maps.Copy(interferences, harmful)
	a.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			interfere := interferences[string(raw.Request.Header.Peek("Do"))]
			interfere(next, raw)
		}
	})
	type takes struct {
		Milliseconds int `header:"Takes"`
	}
	take := func(in takes) { time.Sleep(time.Duration(in.Milliseconds) * time.Millisecond) }
	a.Get("/text", func(_ context.Context, in takes) (responses.TextResponse, error) {
		take(in)
		return responses.TextResponse{Content: "text", Background: l.promise()}, nil
	})
	a.Get("/upload", func(_ context.Context, in takes) (responses.JSONResponse[string, *background.Tasks], error) {
		take(in)
		tasks := new(background.Tasks)
		tasks.Add(l.promise(), l.promise())
		return responses.JSON("two tasks", tasks), nil
	})
	stream := func(end func() error) func(context.Context, takes) (*responses.StreamResponse, error) {
		return func(_ context.Context, in takes) (*responses.StreamResponse, error) {
			take(in)
			stream := responses.Stream("text/plain", func(w *responses.StreamWriter) error {
				_, _ = w.WriteString("stream")
				_ = w.Flush()
				return end()
			})
			stream.Background = l.promise()
			return stream, nil
		}
	}
	a.Get("/stream", stream(func() error { return nil }))
	a.Get("/stream/panic", stream(func() error { panic("on purpose") }))
	a.Get("/stream/goexit", stream(func() error { runtime.Goexit(); return nil }))
	a.Get("/reader", func(_ context.Context, in takes) (readerOfWork, error) {
		take(in)
		return readerOfWork{readerResponse{strings.NewReader("reader")}, l.promise()}, nil
	})
	a.Get("/reader/panic", func(context.Context, takes) (readerOfWork, error) {
		return readerOfWork{readerResponse{explosiveReader{}}, l.promise()}, nil
	})
	a.Get("/reader/goexit", func(context.Context, takes) (readerOfWork, error) {
		return readerOfWork{readerResponse{exitingReader{}}, l.promise()}, nil
	})
	a.Get("/panic", func(_ context.Context, in takes) (string, error) {
		take(in)
		panic("on purpose")
	})
	go func() { a.served <- a.Serve(a.listener) }()
	return a
}

type readerOfWork struct {
	readerResponse
	work background.Work
}

func (r readerOfWork) Work() background.Work { return r.work }

type exitingReader struct{}

func (exitingReader) Read([]byte) (int, error) {
	runtime.Goexit()
	return 0, nil
}

func interferingRequest(path, do string, takes int) string {
	return request("GET", path, "", "Do: "+do, "Takes: "+itoa(takes))
}

// talk sends a text, and reads until nothing more comes.
func (a *promisingApp) talk(t *testing.T, text string) {
	conn, accepted := net.Pipe()
	a.listener.conns <- accepted
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Second)))
	go func() { _, _ = io.WriteString(conn, text) }()
	_, _ = io.Copy(io.Discard, conn)
	require.NoError(t, conn.Close())
}

// end shuts the app down, and requires that nothing is left of it.
func (a *promisingApp) end(t *testing.T) (ran, givenUp int) {
	t.Helper()
	time.Sleep(time.Minute) // for what takes long
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	begin := time.Now()
	assert.NoError(t, a.Shutdown(ctx))
	require.NoError(t, <-a.served)
	assert.LessOrEqual(t, time.Since(begin), 3*time.Second, "something holds the shutdown up")
	time.Sleep(2 * time.Hour) // until what was hijacked has ended, and goroutines of fasthttp's
	return a.requireSettled(t)
}

// requireRoom requires that the room of all that was promised is returned.
func (a *promisingApp) requireRoom(t *testing.T) {
	t.Helper()
	all := new(background.Tasks)
	for range queue {
		all.Add(background.Func("", nothing))
	}
	synctest.Wait()
	v, err := a.Runner().Reserve(all)
	require.NoError(t, err, "room is gone for good")
	v.Cancel()
}

func forBothOverflows(t *testing.T, f func(t *testing.T, app *promisingApp)) {
	t.Helper()
	for name, overflow := range map[string]background.Overflow{"Block": background.Block, "Reject": background.Reject} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newPromisingApp(overflow)) })
		})
	}
}

func TestWorkIsSettledOnceWhateverMiddlewareDoes(t *testing.T) {
	paths := map[string]int{"/text": 1, "/upload": 2, "/stream": 1, "/reader": 1}
	test := func(name string, runs bool) {
		for path, tasks := range paths {
			t.Run(name+path, func(t *testing.T) {
				forBothOverflows(t, func(t *testing.T, app *promisingApp) {
					const requests = queue + 2 // so that one which is lost shows as missing room
					for range requests {
						app.talk(t, interferingRequest(path, name, 2))
					}
					time.Sleep(time.Minute)
					app.requireRoom(t)
					want := len(app.promised)
					assert.GreaterOrEqual(t, want, requests*tasks)
					ran, givenUp := app.end(t)
					if runs {
						assert.Equal(t, []int{want, 0}, []int{ran, givenUp})
					} else {
						assert.Equal(t, []int{0, want}, []int{ran, givenUp})
					}
				})
			})
		}
	}
	for name := range harmless {
		test(name, true)
	}
	for name := range harmful {
		test(name, false)
	}
}

// The body of a response may end in any way.
func TestWorkRunsHoweverItsBodyEnds(t *testing.T) {
	for _, path := range []string{"/stream/panic", "/stream/goexit", "/reader/panic", "/reader/goexit"} {
		t.Run(path, func(t *testing.T) {
			forBothOverflows(t, func(t *testing.T, app *promisingApp) {
				for range queue / 2 {
					app.talk(t, interferingRequest(path, "nothing", 0))
				}
				ran, _ := app.end(t)
				assert.Equal(t, queue/2, ran)
			})
		})
	}
}

// Many connections send many requests in a row, each with an interference, to
// each kind of response. Some hang up, and the app is shut down in between.
func TestWorkIsSettledOnceInAnyMix(t *testing.T) {
	names := append(slices.Sorted(maps.Keys(harmless)), slices.Sorted(maps.Keys(harmful))...)
	paths := []string{"/text", "/text", "/upload", "/stream", "/stream/panic", "/stream/goexit", "/reader", "/reader/panic", "/reader/goexit", "/panic"}
	for seed := range uint64(20) {
		forBothOverflows(t, func(t *testing.T, app *promisingApp) {
			random := rand.New(rand.NewPCG(seed, 0))
			var wg sync.WaitGroup
			for range 30 {
				var pipeline strings.Builder
				for range 1 + random.IntN(8) {
					takes := random.IntN(3)
					pipeline.WriteString(interferingRequest(paths[random.IntN(len(paths))], names[random.IntN(len(names))], takes))
				}
				begin, end := time.Duration(random.IntN(20))*time.Millisecond, time.Duration(random.IntN(20))*time.Millisecond
				wg.Go(func() {
					time.Sleep(begin)
					conn, accepted := net.Pipe()
					select {
					case app.listener.conns <- accepted:
					case <-app.listener.closed:
						return
					}
					_ = conn.SetDeadline(time.Now().Add(end))
					go func() { _, _ = io.WriteString(conn, pipeline.String()) }()
					_, _ = io.Copy(io.Discard, conn)
					_ = conn.Close()
				})
			}
			if seed%2 == 0 {
				wg.Wait()
			} else {
				time.Sleep(10 * time.Millisecond)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seed/2+1)*time.Second)
			defer cancel()
			_ = app.Shutdown(ctx)
			require.NoError(t, <-app.served)
			wg.Wait()
			time.Sleep(2 * time.Hour)
			app.requireSettled(t)
			assert.NoError(t, app.Runner().Shutdown(context.Background()), "something is still promised")
		})
	}
}

// A connection whose work waits for room is not idle: the server takes the hand-over
// for what ends its response.
func TestNoTimeLimitForAHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Workers: 1, Queue: 1}})
		app.Post("/work", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
			return responses.JSON("", background.Func("work", func(context.Context) error {
				time.Sleep(10 * time.Minute)
				return nil
			})), nil
		})
		conn := serveInMemory(t, app).dial(t)
		reader := bufio.NewReader(conn)
		for range 4 { // one runs, one waits, and the others hold the connection up
			write(t, conn, request("POST", "/work", ""))
			response, _ := receive(t, reader)
			assert.Equal(t, 200, response.StatusCode)
		}
		time.Sleep(velithon.DefaultIdleTimeout / 2)
		write(t, conn, request("GET", "/nowhere", ""))
		response, _ := receive(t, reader)
		assert.Equal(t, 404, response.StatusCode)
		require.NoError(t, conn.Close())
		require.NoError(t, app.Shutdown(context.Background())) // waits for the work
	})
}
