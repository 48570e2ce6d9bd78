package routing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// What can't be answered as what it is does not register; see [responses.Check].
func TestOutputsThatDoNotRegister(t *testing.T) {
	refused(t, "task", func(context.Context, struct{}) (*background.Task, error) { return nil, nil },
		"the output type *background.Task is background work, which would not be run: return responses.JSON(content, work)")
	refused(t, "tasks", func(context.Context, struct{}) (background.Tasks, error) { return background.Tasks{}, nil },
		"the output type background.Tasks is background work")
	refused(t, "error", func(context.Context, struct{}) (error, error) { return nil, nil },
		"the output type error is an error, which a handler returns as its second result")
	refused(t, "func", func(context.Context, struct{}) (func(), error) { return nil, nil },
		"the output type func() is a function, which JSON does not have")
	refused(t, "chan", func(context.Context, struct{}) (chan int, error) { return nil, nil },
		"the output type chan int is a channel, which JSON does not have: return a slice, responses.Stream or responses.EventStream")
	refused(t, "a chan inside", func(context.Context, struct{}) (responses.ContentResponse[struct{ Done []chan int }], error) {
		return responses.Content(struct{ Done []chan int }{}), nil
	}, "the output type struct { Done []chan int }, at Done[]: is a channel")
}

func refused[Out any](t *testing.T, name string, handler func(context.Context, struct{}) (Out, error), want string) {
	t.Helper()
	for kind, endpoint := range map[string]routing.Endpoint{"typed": routing.NewEndpoint(handler), "reflected": routing.Reflected(t, handler)} {
		message := panicOf(func() { newRouter(t).Handle("GET", "/x", endpoint) })
		assert.Contains(t, message, want, name+" "+kind)
		assert.Contains(t, message, "velithon: GET /x, handler ", name+" "+kind)
	}
}

// A special is an interface of a service's own that only responses implement.
type special interface {
	responses.Response
	special()
}

func TestANilResponseIsExplainedByTheLog(t *testing.T) {
	problem := `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`
	for want, endpoint := range map[string]routing.Endpoint{
		"nil responses.Response":      routing.NewEndpoint(func(context.Context, struct{}) (responses.Response, error) { return nil, nil }),
		"nil routing_test.special":    routing.NewEndpoint(func(context.Context, struct{}) (special, error) { return nil, nil }),
		"nil *responses.Problem":      routing.NewEndpoint(func(context.Context, struct{}) (*responses.Problem, error) { return nil, nil }),
		"nil *responses.TextResponse": routing.NewEndpoint(func(context.Context, struct{}) (any, error) { return (*responses.TextResponse)(nil), nil }),
		"nil *responses.StreamResponse": routing.NewEndpoint(func(context.Context, struct{}) (responses.Response, error) {
			return (*responses.StreamResponse)(nil), nil
		}),
	} {
		for _, options := range [][]routing.Option{nil, {routing.Timeout(testTimeout)}} {
			book := newLogBook()
			r := newLoggedRouter(t, book)
			r.Handle("GET", "/", endpoint, options...)
			response := do(t, routing.Build(r).ServeRequest, "GET", "/")
			assert.Equal(t, 500, response.StatusCode(), want)
			assert.Equal(t, problem, string(response.Body()), want)
			record := book.next(t)
			assert.Contains(t, record, "level=ERROR")
			assert.Contains(t, record, "the handler returned a "+want+" and no error")
		}
	}
}

// A response of the service's own may hand on a pointer that it was given, nil or
// not.
type handingOn struct {
	responses.TextResponse
	work background.Work
}

func (h handingOn) Work() background.Work { return h.work }

func TestAPointerToNoWorkIsNoWork(t *testing.T) {
	for name, work := range map[string]background.Work{
		"nil": nil, "nil task": (*background.Task)(nil), "nil tasks": (*background.Tasks)(nil), "no tasks": &background.Tasks{},
	} {
		for _, options := range [][]routing.Option{nil, {routing.Timeout(testTimeout)}} {
			book := newLogBook()
			r := newLoggedRouter(t, book)
			r.Handle("GET", "/", routing.NewEndpoint(func(context.Context, struct{}) (handingOn, error) {
				return handingOn{responses.Text("ok"), work}, nil
			}), options...)
			r.Handle("GET", "/error", routing.NewEndpoint(func(context.Context, struct{}) (handingOn, error) {
				return handingOn{responses.Text("ok"), work}, responses.NewProblem(409, "sold out")
			}), options...)
			response := do(t, routing.Build(r).ServeRequest, "GET", "/")
			assert.Equal(t, 200, response.StatusCode(), name)
			assert.Equal(t, "ok", string(response.Body()), name)
			assert.Equal(t, 409, do(t, routing.Build(r).ServeRequest, "GET", "/error").StatusCode(), name)
			assert.Empty(t, book.records, name)
		}
	}
}

func TestANilResponseBesideAnErrorIsTheError(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/", func(context.Context, struct{}) (responses.Response, error) {
		return nil, errors.New("the disk is full")
	})
	assert.Equal(t, 500, do(t, routing.Build(r).ServeRequest, "GET", "/").StatusCode())
	assert.Contains(t, book.next(t), `error="the disk is full"`)
	assert.Empty(t, book.records)
}

// The most common of Go's nil interfaces: a function that returns *Problem, called
// by one that returns error.
func TestANilProblemAsAnErrorIsExplainedByTheLog(t *testing.T) {
	var none *responses.Problem
	for name, err := range map[string]error{"alone": none, "wrapped": fmt.Errorf("order: %w", none)} {
		for _, options := range [][]routing.Option{nil, {routing.Timeout(testTimeout)}} {
			book := newLogBook()
			r := newLoggedRouter(t, book)
			r.Handle("GET", "/", routing.NewEndpoint(func(context.Context, struct{}) (string, error) { return "", err }), options...)
			response := do(t, routing.Build(r).ServeRequest, "GET", "/")
			assert.Equal(t, 500, response.StatusCode(), name)
			assert.JSONEq(t, `{"title":"Internal Server Error","status":500,"detail":"the server could not answer this request"}`, string(response.Body()), name)
			record := book.next(t)
			assert.Contains(t, record, `msg="request failed"`, name)
			assert.Contains(t, record, "a nil *Problem was returned as an error: return nil, or declare the variable as error", name)
			assert.Empty(t, book.records, name)
		}
	}
}

// JSON with a status and a header, and with work, without work and with either,
// as a service writes it.
func TestJSONWithAndWithoutWork(t *testing.T) {
	ran := make(chan string, 10)
	task := func() *background.Task {
		return background.Func("note", func(context.Context) error { ran <- "note"; return nil })
	}
	r := newRouter(t)
	r.Get("/none", func(context.Context, struct{}) (responses.ContentResponse[money], error) {
		response := responses.Content(money{5})
		response.Header = responses.Header{"Location": {"/x"}}
		return response, nil
	}, routing.Status(201))
	r.Get("/status", func(context.Context, struct{}) (responses.ContentResponse[money], error) {
		return responses.JSONStatus(202, money{5}), nil
	})
	r.Get("/literal", func(context.Context, struct{}) (responses.ContentResponse[money], error) {
		return responses.ContentResponse[money]{Content: money{5}, Status: 203}, nil
	})
	r.Get("/task", func(context.Context, struct{}) (responses.JSONResponse[money, *background.Task], error) {
		return responses.JSON(money{5}, task()), nil
	})
	r.Get("/tasks", func(context.Context, struct{}) (responses.JSONResponse[money, *background.Tasks], error) {
		tasks := &background.Tasks{}
		tasks.Add(task())
		return responses.JSON(money{5}, tasks), nil
	})
	r.Get("/either/{work}", func(_ context.Context, in struct {
		Work bool `path:"work"`
	},
	) (responses.ContentResponse[money], error) {
		response := responses.Content(money{5})
		if in.Work {
			response.Background = task()
		}
		return response, nil
	})
	for _, test := range []struct {
		path   string
		status int
		works  bool
	}{
		{"/none", 201, false},
		{"/status", 202, false},
		{"/literal", 203, false},
		{"/task", 200, true},
		{"/tasks", 200, true},
		{"/either/true", 200, true},
		{"/either/false", 200, false},
	} {
		response := do(t, routing.Build(r).ServeRequest, "GET", test.path)
		assert.Equal(t, test.status, response.StatusCode(), test.path)
		assert.Equal(t, `{"cents":5}`, string(response.Body()), test.path)
		if test.works {
			await(t, ran, "the work of "+test.path)
		}
		assert.Empty(t, ran, test.path)
	}
	assert.Equal(t, "/x", string(do(t, routing.Build(r).ServeRequest, "GET", "/none").Header.Peek("Location")))
}

// A request without a body has no field that reads one.
func TestABodyOfARequestWithoutOneDoesNotRegister(t *testing.T) {
	type paging struct {
		Name string `form:"name"`
	}
	for _, method := range []string{"GET", "HEAD", "TRACE"} {
		for want, endpoint := range map[string]routing.Endpoint{
			"field Order: reads the body, which a " + method + " request does not have: use `query`": routing.NewEndpoint(func(context.Context, struct {
				Order *money `body:""`
			},
			) (string, error) {
				return "", nil
			}),
			"field paging.Name: reads the body, which a " + method + " request does not have: use `query`": routing.NewEndpoint(func(context.Context, struct{ paging }) (string, error) {
				return "", nil
			}),
			"field File: reads the body, which a " + method + " request does not have": routing.NewEndpoint(func(context.Context, struct {
				File params.File `form:"file"`
			},
			) (string, error) {
				return "", nil
			}),
			"has no source tags, so it is the JSON body, which a " + method + " request does not have": routing.NewEndpoint(func(context.Context, money) (string, error) {
				return "", nil
			}),
		} {
			assert.Contains(t, panicOf(func() { newRouter(t).Handle(method, "/x", endpoint) }), want)
		}
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"} {
		newRouter(t).Handle(method, "/x", routing.NewEndpoint(func(context.Context, struct {
			Order *money `body:""`
		},
		) (string, error) {
			return "", nil
		}))
	}
}
