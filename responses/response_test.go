package responses_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

func nothing(context.Context) error { return nil }

// sweep and runFunc are work of a service's own.
type sweep struct{ shelf string }

func (*sweep) Run(context.Context) error { return nil }

type runFunc func(context.Context) error

func (f runFunc) Run(ctx context.Context) error { return f(ctx) }

func TestWorkIsNilForNone(t *testing.T) {
	var (
		noTask  *background.Task
		noTasks *background.Tasks
		noSweep *sweep
		noFunc  runFunc
	)
	for name, none := range map[string]background.Work{
		"nil":               nil,
		"nil *Task":         noTask,
		"nil *Tasks":        noTasks,
		"empty *Tasks":      new(background.Tasks),
		"nil pointer":       noSweep,
		"nil function type": noFunc,
	} {
		assert.True(t, isNil(responses.JSON(1, none).Work()), name)
		for _, response := range kinds(none) {
			assert.True(t, isNil(response.Work()), "%s in %T", name, response)
		}
	}
	assert.True(t, isNil(responses.JSON(1, noTask).Work()), "typed")
	assert.True(t, isNil(responses.JSON(1, noTasks).Work()), "typed")
	assert.True(t, isNil(responses.JSON(1, noSweep).Work()), "typed")
}

// isNil reports whether work is nil itself, as the router asks: assert.Nil takes
// an interface with a nil pointer for nil, too.
func isNil(work background.Work) bool { return work == nil }

func TestWorkIsWhatWasAttached(t *testing.T) {
	tasks := new(background.Tasks)
	tasks.Add(background.Func("count", nothing))
	for _, work := range []background.Work{background.Func("count", nothing), tasks, &sweep{}} {
		assert.Same(t, work, responses.JSON(1, work).Work())
		for _, response := range kinds(work) {
			assert.Same(t, work, response.Work(), "%T", response)
		}
	}
	assert.NotNil(t, responses.JSON(1, runFunc(nothing)).Work())
}

// kinds returns every kind of response but JSON, with work attached.
func kinds(work background.Work) []responses.Response {
	return []responses.Response{
		responses.TextResponse{Background: work},
		responses.HTMLResponse{Background: work},
		responses.BytesResponse{Background: work},
		responses.FileResponse{Background: work},
		responses.RedirectResponse{Background: work},
		responses.NoContentResponse{Background: work},
		&responses.StreamResponse{Background: work},
		&responses.EventStreamResponse{Background: work},
		responses.NewProblem(409, "").WithBackground(work),
	}
}

func TestPlainKinds(t *testing.T) {
	for name, test := range map[string]struct {
		response responses.Response
		want     string
	}{
		"text": {
			responses.Text("a < ü"),
			message("a < ü", "HTTP/1.1 200 OK", "Content-Type: text/plain; charset=utf-8", "Content-Length: 6"),
		},
		"text with all": {
			responses.TextResponse{Content: "x", Status: 202, Header: responses.Header{"x-shelf": {" 7\t"}}},
			message("x", "HTTP/1.1 202 Accepted", "Content-Type: text/plain; charset=utf-8", "Content-Length: 1", "X-Shelf: 7"),
		},
		"html": {
			responses.HTML("<p>"),
			message("<p>", "HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 3"),
		},
		"bytes": {
			responses.Bytes("image/png", []byte{0, 1}),
			message("\x00\x01", "HTTP/1.1 200 OK", "Content-Type: image/png", "Content-Length: 2"),
		},
		"bytes of no type": {
			responses.Bytes("", nil),
			message("", "HTTP/1.1 200 OK", "Content-Type: application/octet-stream", "Content-Length: 0"),
		},
		"redirect": {
			responses.Redirect("../cart?a=b#c"),
			message("", "HTTP/1.1 307 Temporary Redirect", "Content-Length: 0", "Location: ../cart?a=b#c"),
		},
		"redirect for good": {
			responses.RedirectResponse{URL: "https://x.test/", Status: 308},
			message("", "HTTP/1.1 308 Permanent Redirect", "Content-Length: 0", "Location: https://x.test/"),
		},
		"no content": {
			responses.NoContent(),
			message("", "HTTP/1.1 204 No Content"),
		},
		"not modified": {
			responses.NoContentResponse{Status: 304, Header: responses.Header{"ETag": {`"7"`}}},
			message("", "HTTP/1.1 304 Not Modified", `Etag: "7"`),
		},
		"reset content": {
			responses.NoContentResponse{Status: 205},
			message("", "HTTP/1.1 205 Reset Content", "Content-Length: 0"),
		},
	} {
		sent, err := exchange(t, test.response, get())
		assert.NoError(t, err, name)
		assert.Equal(t, test.want, sent, name)
	}
}

func TestHeadHasTheHeaderOfGet(t *testing.T) {
	for _, response := range []responses.Response{
		responses.Text("abc"),
		responses.JSON(map[string]int{"a": 1}, background.Work(nil)),
		responses.Bytes("image/png", []byte{0, 1}),
		responses.NoContent(),
		responses.NewProblem(409, "sold out"),
		responses.Stream("text/csv", func(*responses.StreamWriter) error { return nil }),
		responses.EventStream(func(*responses.EventWriter) error { return nil }),
	} {
		full, _ := exchange(t, response, get())
		head, err := exchange(t, response, request("HEAD"))
		assert.NoError(t, err)
		assert.Contains(t, full, head, "%T", response)
		assert.Regexp(t, `\r\n\r\n$`, head, "%T", response)
	}
}

// A connection keeps the buffer of its body, so a large body is not to grow it.
func TestALargeBodyIsNotKept(t *testing.T) {
	large := strings.Repeat("x", 64<<10)
	for name, response := range map[string]responses.Response{
		"text":    responses.Text(large),
		"HTML":    responses.HTML(large),
		"bytes":   responses.Bytes("", []byte(large)),
		"JSON":    responses.Content(large),
		"problem": responses.NewProblem(409, large),
	} {
		var raw fasthttp.RequestCtx
		raw.Response.KeepBodyBuffer = true // as in a server
		kept := make([]byte, 0, 100)
		raw.Response.SwapBody(kept)
		assert.NoError(t, response.Write(&raw), name)
		assert.Contains(t, string(raw.Response.Body()), large, name)
		assert.LessOrEqual(t, cap(raw.Response.SwapBody(nil)), 100, name)
	}
}

func TestRouteStatusStays(t *testing.T) {
	handler := func(response responses.Response) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetStatusCode(201)
			assert.NoError(t, answer(raw, response))
		}
	}
	assert.Equal(t, 201, parse(t, exchangeWith(t, handler(responses.Text("")), get())).StatusCode())
	assert.Equal(t, 202, parse(t, exchangeWith(t, handler(responses.TextResponse{Status: 202}), get())).StatusCode())
	assert.Equal(t, 200, parse(t, exchangeWith(t, handler(responses.EventStream(
		func(*responses.EventWriter) error { return nil })), get())).StatusCode(), "EventSource takes nothing else")
}

// A middleware may have begun another answer, which an answer without content
// replaces.
func TestNothingIsLeftBeforeAResponseWithoutContent(t *testing.T) {
	for _, response := range []responses.Response{responses.NoContent(), responses.Redirect("/")} {
		var raw fasthttp.RequestCtx
		raw.SetContentType("text/x")
		raw.SetBodyString("before")
		require.NoError(t, response.Write(&raw))
		assert.Empty(t, raw.Response.Body(), "%T", response)
		assert.NotContains(t, raw.Response.String(), "text/x", "%T", response)
	}
}

func TestRefusals(t *testing.T) {
	for want, response := range map[string]responses.Response{
		"responses: status 99 is not within 200..599":                              responses.TextResponse{Status: 99},
		"responses: status 600 is not within 200..599":                             responses.BytesResponse{Status: 600},
		"responses: status 200 is not one of a redirect":                           responses.RedirectResponse{URL: "/", Status: 200},
		"responses: status 304 is not one of a redirect":                           responses.RedirectResponse{URL: "/", Status: 304},
		"responses: redirect has no URL":                                           responses.Redirect(""),
		`responses: value of header Location holds the control character '\n'`:     responses.Redirect("/\nSet-Cookie: a=b"),
		`responses: value of header Content-Type holds the control character '\r'`: responses.Bytes("text/x\r\n\r\n<script>", nil),
		"responses: status 200 is not one of a response without content":           responses.NoContentResponse{Status: 200},
		`responses: value of header X-A holds the control character '\x00'`:        responses.HTMLResponse{Header: responses.Header{"X-A": {"a\x00"}}},
		"responses: header content-length is set by the server":                    responses.JSONResponse[int, *sweep]{Header: responses.Header{"content-length": {"7"}}},
		"responses: header Trailer is set by the server":                           responses.Stream("", nil),
	} {
		if stream, ok := response.(*responses.StreamResponse); ok {
			stream.Header = responses.Header{"Trailer": {"X-A"}}
		}
		sent, err := exchange(t, response, get())
		assert.EqualError(t, err, want)
		assert.Equal(t, 500, parse(t, sent).StatusCode(), want)
		assert.NotContains(t, sent, "responses:", want)
	}
}

// A response which is refused must not show in the problem that replaces it.
func TestRefusedResponseLeavesNothing(t *testing.T) {
	bad := responses.Header{"Connection": {"close"}, "X-A": {"a"}}
	for _, response := range []responses.Response{
		responses.TextResponse{Content: "secret", Status: 201, Header: bad},
		responses.JSONResponse[string, *sweep]{Content: "secret", Status: 201, Header: bad},
		responses.BytesResponse{Content: []byte("secret"), Status: 201, Header: bad},
		responses.FileResponse{Path: "response_test.go", Status: 201, Header: bad},
		responses.RedirectResponse{URL: "/secret", Header: bad},
		responses.NoContentResponse{Header: bad},
		&responses.StreamResponse{Status: 201, Header: bad},
		&responses.EventStreamResponse{Header: bad},
		&responses.Problem{Status: 409, Detail: "secret", Header: bad},
	} {
		var raw fasthttp.RequestCtx
		raw.Init(new(fasthttp.Request), nil, nil)
		raw.SetStatusCode(203)
		raw.SetContentType("text/x")
		raw.SetBodyString("before")
		before := undated(&raw.Response)
		assert.EqualError(t, response.Write(&raw), "responses: header Connection is set by the server", "%T", response)
		assert.Equal(t, before, undated(&raw.Response), "%T", response)
	}
}

// undated returns a response without its Date, which is that of the moment.
func undated(response *fasthttp.Response) string {
	return regexp.MustCompile("Date: [^\r]*\r\n").ReplaceAllString(response.String(), "")
}
