package velithontest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/velithontest"
)

// everywhere runs a test twice: on the clock of a bubble, and on that of the machine.
func everywhere(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Run("in a bubble", func(t *testing.T) { synctest.Test(t, f) })
	t.Run("outside", f)
}

func TestAnOrder(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := &shop{}
		kit := velithontest.New(t, s.app())
		answer := velithontest.Post[created](kit, "/orders", order{"ada@example.org"}, "X-User: ada")
		require.Equal(t, 201, answer.Status)
		require.Equal(t, created{"1", "ada"}, answer.Body)
		require.ElementsMatch(t, []velithontest.Outcome{{Task: "mail", Attempt: 1}, {Task: "stock", Attempt: 1}}, kit.Wait())
		require.Equal(t, []string{"ada@example.org"}, s.sent())
		require.Empty(t, kit.Wait(), "nothing has ended since")
	})
}

func TestAProblem(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		kit := velithontest.New(t, (&shop{}).app())
		answer := velithontest.Post[created](kit, "/orders", order{"ada@example.org"})
		require.Equal(t, 401, answer.Status)
		require.Equal(t, &velithontest.Problem{Title: "Unauthorized", Status: 401, Detail: "nobody has said who it is"}, answer.Problem)
		require.JSONEq(t, `{"title":"Unauthorized","status":401,"detail":"nobody has said who it is"}`, answer.Text)
		require.Zero(t, answer.Body)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))

		answer = velithontest.Post[created](kit, "/orders", order{"ada"}, "X-User: ada")
		require.Equal(t, []params.Fault{{In: "body", Pointer: "#/email", Code: "email", Detail: "must be an e-mail address"}}, answer.Problem.Errors)
		require.Empty(t, kit.Wait())
	})
}

func TestAnOverride(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		kit := velithontest.New(t, (&shop{}).app())
		velithontest.Override(kit, user{"grace"})
		answer := velithontest.Post[created](kit, "/orders", order{"grace@example.org"})
		require.Equal(t, "grace", answer.Body.Buyer)
	})
}

func TestStepByStep(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		s := &shop{}
		kit := velithontest.New(t, s.app())
		kit.Hold()
		velithontest.Post[created](kit, "/orders", order{"ada@example.org"}, "X-User: ada")
		require.ElementsMatch(t, []string{"mail", "stock"}, kit.Held())
		require.Empty(t, s.sent())

		require.NoError(t, kit.Step("mail").Err)
		require.Equal(t, []string{"ada@example.org"}, s.sent())
		require.Equal(t, []string{"stock"}, kit.Held())

		kit.Release()
		require.Equal(t, []velithontest.Outcome{{Task: "mail", Attempt: 1}, {Task: "stock", Attempt: 1}}, kit.Wait())
		require.Empty(t, kit.Held())
	})
}

// The hours between the attempts take no time in a bubble, and a task that is held
// does not run out of its own time.
func TestRetriesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{mailErrors: []error{errGreylisted, errGreylisted}}
		kit := velithontest.New(t, s.app())
		kit.Hold()
		velithontest.Post[created](kit, "/orders", order{"ada@example.org"}, "X-User: ada")
		require.ElementsMatch(t, []string{"mail", "stock"}, kit.Held())
		time.Sleep(time.Minute)
		require.Equal(t, velithontest.Outcome{Task: "mail", Attempt: 1, Err: errGreylisted}, kit.Step("mail"))
		require.Equal(t, []string{"stock"}, kit.Held())
		require.Equal(t, velithontest.Outcome{Task: "mail", Attempt: 2, Err: errGreylisted}, kit.Step("mail"))
		kit.Release()
		outcomes := kit.Wait()
		require.Len(t, outcomes, 4)
		require.Equal(t, velithontest.Outcome{Task: "mail", Attempt: 3}, outcomes[3])
		require.Equal(t, []string{"ada@example.org"}, s.sent())
	})
}

// What ends a task is its outcome, whatever it is.
func TestOutcomes(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Post("/", func(_ context.Context, in struct {
			How string `json:"how"`
		},
		) (responses.JSONResponse[any, *background.Task], error) {
			return responses.JSON[any](nil, background.Func(in.How, func(context.Context) error {
				switch in.How {
				case "panic":
					panic("on purpose")
				case "goexit":
					runtime.Goexit()
				}
				return errors.New(in.How)
			})), nil
		})
		kit := velithontest.New(t, app)
		for how, text := range map[string]string{"panic": "panic: on purpose", "goexit": "velithontest: the task called runtime.Goexit", "error": "error"} {
			velithontest.Post[any](kit, "/", map[string]string{"how": how})
			outcomes := kit.Wait()
			require.Len(t, outcomes, 1)
			require.Equal(t, how, outcomes[0].Task)
			require.EqualError(t, outcomes[0].Err, text)
		}
	})
}

// Held waits for what a response has promised, and for tasks behind that which has
// ended.
func TestHeldIsWhatHasCome(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Workers: 2}})
		app.Post("/", func(context.Context, struct{}) (responses.JSONResponse[any, *background.Tasks], error) {
			tasks := &background.Tasks{MaxConcurrent: 1}
			for n := range 4 {
				tasks.Add(background.Func(fmt.Sprint(n), func(context.Context) error { return nil }))
			}
			return responses.JSON[any](nil, tasks), nil
		})
		kit := velithontest.New(t, app)
		kit.Hold()
		velithontest.Post[any](kit, "/", nil)
		for n := range 4 {
			require.Equal(t, []string{fmt.Sprint(n)}, kit.Held(), "one after the other")
			kit.Step(fmt.Sprint(n))
		}
		velithontest.Post[any](kit, "/", nil)
		velithontest.Post[any](kit, "/", nil)
		velithontest.Post[any](kit, "/", nil)
		require.Equal(t, []string{"0", "0"}, kit.Held(), "as many as there are workers")
		kit.Release()
		require.Len(t, kit.Wait(), 16)
	})
}

// Neither a task that runs since before Hold, nor a hand-over that waits for room,
// keeps Held waiting.
func TestHeldDoesNotWaitForWhatGoesOn(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Workers: 2, Queue: 1, Overflow: background.Block}})
		began, end := make(chan struct{}), make(chan struct{})
		app.Post("/{name}", func(_ context.Context, in struct {
			Name string `path:"name"`
		},
		) (responses.JSONResponse[any, *background.Task], error) {
			return responses.JSON[any](nil, background.Func(in.Name, func(context.Context) error {
				if in.Name == "long" {
					close(began)
					<-end
				}
				return nil
			})), nil
		})
		kit := velithontest.New(t, app)
		velithontest.Post[any](kit, "/long", nil)
		<-began
		kit.Hold()
		for _, name := range []string{"first", "queued", "blocked"} {
			velithontest.Post[any](kit, "/"+name, nil)
		}
		require.Equal(t, []string{"first"}, kit.Held())
		close(end)
		kit.Step("first")
		kit.Release()
		require.Len(t, kit.Wait(), 4)
	})
}

// A held task ends when the runner's time is up, as it would without the kit.
func TestAHeldTaskAndAShutdown(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Post("/", func(context.Context, struct{}) (responses.JSONResponse[any, *background.Task], error) {
			return responses.JSON[any](nil, background.Func("work", func(ctx context.Context) error { return ctx.Err() })), nil
		})
		kit := velithontest.New(t, app)
		kit.Hold()
		velithontest.Post[any](kit, "/", nil)
		require.Equal(t, []string{"work"}, kit.Held())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var drain *background.DrainError
		require.ErrorAs(t, app.Shutdown(ctx), &drain)
		require.ErrorAs(t, app.Shutdown(t.Context()), &drain, "when the task has ended")
		require.Empty(t, kit.Held())
		require.Equal(t, []velithontest.Outcome{{Task: "work", Attempt: 1, Err: context.Canceled}}, kit.Wait())
	})
}

func TestTheClient(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/old", func(context.Context, struct{}) (responses.RedirectResponse, error) {
			return responses.Redirect("/new"), nil
		})
		app.Get("/stream", func(context.Context, struct{}) (*responses.EventStreamResponse, error) {
			return responses.EventStream(func(events *responses.EventWriter) error {
				for n := 0; ; n++ {
					if err := events.Send(responses.Event{Data: fmt.Sprint(n)}); err != nil {
						return err
					}
				}
			}), nil
		})
		kit := velithontest.New(t, app)
		for _, url := range []string{"/old", "http://shop.example/old"} {
			response, err := kit.Client.Get(url)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, 307, response.StatusCode, "redirects are for the test to see")
		}
		response, err := kit.Client.Get("/stream")
		require.NoError(t, err)
		lines := bufio.NewScanner(response.Body)
		for _, want := range []string{"data: 0", "", "data: 1"} {
			require.True(t, lines.Scan())
			require.Equal(t, want, lines.Text())
		}
		require.NoError(t, response.Body.Close())
	})
}

// Each helper sends its method and what it is given.
func TestHelpers(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		type seen struct{ Method, Query, Type, Token, Body, Encoding string }
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Use(func(fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				header := &raw.Request.Header
				text, err := json.Marshal(seen{
					string(raw.Method()), string(raw.URI().QueryString()), string(header.ContentType()),
					string(header.Peek("Authorization")), string(raw.PostBody()), string(header.Peek("Accept-Encoding")),
				})
				require.NoError(t, err)
				raw.SetContentType("application/json")
				raw.SetBody(text)
			}
		})
		kit := velithontest.New(t, app)
		const target, token = "/?a=b%20c", "Authorization: Bearer x: y"
		require.Equal(t, seen{"GET", "a=b%20c", "", "Bearer x: y", "", ""}, velithontest.Get[seen](kit, target, token).Body)
		require.Equal(t, seen{"DELETE", "a=b%20c", "", "Bearer x: y", "", ""}, velithontest.Delete[seen](kit, target, token).Body)
		want := seen{"", "a=b%20c", "application/json", "Bearer x: y", `{"email":"a"}`, ""}
		for method, got := range map[string]velithontest.Answer[seen]{
			"POST":  velithontest.Post[seen](kit, target, order{"a"}, token),
			"PUT":   velithontest.Put[seen](kit, target, order{"a"}, token),
			"PATCH": velithontest.Patch[seen](kit, target, order{"a"}, token),
		} {
			want.Method = method
			require.Equal(t, want, got.Body)
		}
		for _, text := range []any{"a=1", []byte("a=1"), strings.NewReader("a=1")} {
			got := velithontest.Post[seen](kit, "/", text, "Content-Type: application/x-odd").Body
			require.Equal(t, seen{"POST", "", "application/x-odd", "", "a=1", ""}, got, "as it is")
		}
		got := velithontest.Do[seen](kit, "PUT", "/", nil).Body
		require.Equal(t, seen{Method: "PUT"}, got)
	})
}

// What the test writes is what the app reads, also of the fields that an http.Request has
// elsewhere, or that come more than once.
func TestFields(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		var host string
		var hops []string
		app.Use(func(fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				host, hops = string(raw.Host()), nil
				for _, hop := range raw.Request.Header.PeekAll("X-Forwarded-For") {
					hops = append(hops, string(hop))
				}
			}
		})
		kit := velithontest.New(t, app)
		velithontest.Get[any](kit, "/", "Host: shop.example", "X-Forwarded-For: 1.2.3.4", "x-forwarded-for: 5.6.7.8")
		require.Equal(t, "shop.example", host)
		require.Equal(t, []string{"1.2.3.4", "5.6.7.8"}, hops)
	})
}

// Errors may be JSON of the service's own, which may be asked for.
func TestErrorsOfTheServicesOwn(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/", func(context.Context, struct{}) (responses.JSONResponse[map[string]string, *background.Task], error) {
			answer := responses.JSON(map[string]string{"error": "sold out"}, (*background.Task)(nil))
			answer.Status = 409
			return answer, nil
		})
		kit := velithontest.New(t, app)
		answer := velithontest.Get[struct{ Error string }](kit, "/")
		require.Equal(t, 409, answer.Status)
		require.Equal(t, "sold out", answer.Body.Error)
		require.Nil(t, answer.Problem)
		require.Zero(t, velithontest.Get[[]string](kit, "/").Body)
	})
}

// A slowCloser holds up the end of a request, after the response was sent.
type slowCloser struct{}

func (slowCloser) Close() error {
	time.Sleep(5 * time.Millisecond)
	return nil
}

// A response that was read may have its tasks yet to be handed over.
func TestTasksAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := appOf(succeed, 0)
		app.Get("/nothing", func(context.Context, struct{}) (responses.NoContentResponse, error) {
			answer := responses.NoContent()
			answer.Background = background.Func("work", succeed)
			return answer, nil
		})
		app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				raw.SetUserValue(slowCloser{}, slowCloser{})
				next(raw)
			}
		})
		kit := velithontest.New(t, app)
		kit.Hold()
		velithontest.Post[string](kit, "/", nil)
		require.EqualValues(t, 1, app.Runner().Stats().Accepted, "after a helper")
		for n, end := range []func(io.ReadCloser){
			func(body io.ReadCloser) { _, _ = io.ReadAll(body) },
			func(body io.ReadCloser) { _ = body.Close() },
		} {
			response, err := kit.Client.Post("/", "", nil)
			require.NoError(t, err)
			end(response.Body)
			require.Len(t, kit.Held(), 2+n)
			require.NoError(t, response.Body.Close())
		}
		response, err := kit.Client.Get("/nothing")
		require.NoError(t, err)
		require.Len(t, kit.Held(), 4)
		require.NoError(t, response.Body.Close())
	})
}

// A laggard is closed with a request, and takes its time, but none on the clock.
type laggard struct{}

func (laggard) Close() error {
	for range 50_000 {
		runtime.Gosched()
	}
	return nil
}

// On a machine with much to do the server may be far behind its client. The clock of a bubble
// stands still all the same.
func TestAResponseThatIsHandedOverLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				raw.SetUserValue(laggard{}, laggard{})
				next(raw)
			}
		})
		app.Get("/", func(context.Context, struct{}) (string, error) { return "", nil })
		kit := velithontest.New(t, app)
		begin := time.Now()
		velithontest.Get[string](kit, "/")
		require.Empty(t, kit.Wait())
		require.Zero(t, time.Since(begin))
	})
}

func TestWhatIsNotJSONIsText(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/text", func(context.Context, struct{}) (responses.TextResponse, error) { return responses.Text("hello"), nil })
		app.Delete("/", func(context.Context, struct{}) (responses.NoContentResponse, error) {
			return responses.NoContent(), nil
		})
		app.Get("/packed", func(context.Context, struct{}) (responses.BytesResponse, error) {
			packed := responses.Bytes("application/json", []byte("\x1f\x8b"))
			packed.Header = responses.Header{"Content-Encoding": {"gzip"}}
			return packed, nil
		})
		kit := velithontest.New(t, app)
		packed := velithontest.Get[order](kit, "/packed", "Accept-Encoding: gzip")
		require.Equal(t, "\x1f\x8b", packed.Text)
		require.Zero(t, packed.Body)
		answer := velithontest.Get[order](kit, "/text")
		require.Equal(t, "hello", answer.Text)
		require.Zero(t, answer.Body)
		require.Nil(t, answer.Problem)
		require.Equal(t, 204, velithontest.Delete[order](kit, "/").Status)
		require.Equal(t, http.StatusNotFound, velithontest.Get[order](kit, "/nowhere").Problem.Status)
	})
}

// A handler may take as long as it likes; the test ends it.
func TestABodyMayBeLargerThanWhatIsInMemoryAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		var read atomic.Int64
		app.Post("/", func(_ context.Context, in struct {
			Text string `json:"text"`
		},
		) (responses.TextResponse, error) {
			read.Add(int64(len(in.Text)))
			return responses.Text(in.Text), nil
		})
		kit := velithontest.New(t, app)
		text := strings.Repeat("x", 1<<20)
		require.Len(t, velithontest.Post[any](kit, "/", map[string]string{"text": text}).Text, 1<<20)
		require.Equal(t, 413, velithontest.Post[any](kit, "/", io.LimitReader(zeros{}, 8<<20)).Status)
		assert.EqualValues(t, 1<<20, read.Load())
	})
}

// zeros are as many as one reads.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// A queue is one whose database says, each time that it is asked, how many tasks have not
// ended: in the end there are none.
type queue struct {
	counts []int
	asked  int
	err    error

	whenAsked func(asked int) // nil for nothing
}

func (*queue) Holds(string) bool                                { return false }
func (*queue) Store(context.Context, []background.Record) error { return nil }
func (*queue) Start(*background.Runner) error                   { return nil }
func (*queue) Shutdown(context.Context) error                   { return nil }
func (q *queue) Kinds(context.Context) ([]background.KindStats, error) {
	q.asked++
	if q.whenAsked != nil {
		q.whenAsked(q.asked)
	}
	if q.asked > len(q.counts) {
		return []background.KindStats{{Kind: "later", Scheduled: 1}}, q.err
	}
	n := q.counts[q.asked-1]
	return []background.KindStats{{Queued: n & 1, Running: n & 2}, {Limited: n & 4, Retrying: n & 8}}, q.err
}

func appWith(q *queue) *velithon.App {
	return velithon.New(velithon.Options{Logger: quiet, Queue: q})
}

// What is stored comes to no worker of the runner's for a while.
func TestStoredTasksAreWaitedFor(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := &queue{counts: []int{1, 2, 4, 8}}
		velithontest.New(t, appWith(q)).Wait()
		require.Equal(t, 5, q.asked)
	})
}

// A task that has ended for its queue, as by DoneTx, may have yet to return.
func TestAttemptsAtStoredTasksAreWaitedFor(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		began, release := make(chan struct{}), make(chan struct{})
		q := &queue{whenAsked: func(asked int) {
			if asked == 3 {
				close(release)
			}
		}}
		app := appWith(q)
		kit := velithontest.New(t, app)
		go func() {
			_, _ = app.Runner().Attempt(t.Context(), background.StoredTask{Attempt: 1, Task: background.Func("stored", func(context.Context) error {
				close(began)
				<-release
				return nil
			})})
		}()
		<-began
		require.Equal(t, []velithontest.Outcome{{Task: "stored", Attempt: 1}}, kit.Wait())
	})
}
