package velithon_test

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// breaks are what may end a line for somebody on the way. The last two are
// characters whose lower bytes are CR and LF.
var breaks = []string{"\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "\r\r", "\n\r", "\r\n ", "\x00", "\v", "\f", "\x1f", "\x7f", "\u0085", "\u2028", "\u560d\u560a", "\xc0\x8d\xc0\x8a"}

// injected is what an attacker would like to see on a line of its own.
const injected = "X-Injected: 1"

// Each of these puts a value that comes from the client where a header, or an
// event of a stream, is made of it.
func injections(file string) map[string]func(value string) (responses.Response, error) {
	type response = responses.Response
	ok := func(r response) (response, error) { return r, nil }
	header := func(value string) responses.Header { return responses.Header{"X-Value": {value}} }
	return map[string]func(value string) (response, error){
		"field of text":   func(v string) (response, error) { return ok(responses.TextResponse{Header: header(v)}) },
		"field of HTML":   func(v string) (response, error) { return ok(responses.HTMLResponse{Header: header(v)}) },
		"field of bytes":  func(v string) (response, error) { return ok(responses.BytesResponse{Header: header(v)}) },
		"field of a file": func(v string) (response, error) { return ok(responses.FileResponse{Path: file, Header: header(v)}) },
		"field of no content": func(v string) (response, error) {
			return ok(responses.NoContentResponse{Header: header(v)})
		},
		"field of a redirect": func(v string) (response, error) {
			return ok(responses.RedirectResponse{URL: "/", Header: header(v)})
		},
		"field of JSON": func(v string) (response, error) {
			r := responses.JSONStatus(200, 1)
			r.Header = header(v)
			return ok(r)
		},
		"field of a stream": func(v string) (response, error) {
			return ok(&responses.StreamResponse{Run: func(*responses.StreamWriter) error { return nil }, Header: header(v)})
		},
		"field of an event stream": func(v string) (response, error) {
			return ok(&responses.EventStreamResponse{Run: func(*responses.EventWriter) error { return nil }, Header: header(v)})
		},
		"field of a problem": func(v string) (response, error) {
			problem := responses.NewProblem(400, "")
			problem.Header = header(v)
			return nil, problem
		},
		"second value of a field": func(v string) (response, error) {
			return ok(responses.TextResponse{Header: responses.Header{"X-Value": {"fine", v}}})
		},
		"cookie": func(v string) (response, error) {
			return ok(responses.TextResponse{Header: responses.Header{"Set-Cookie": {"a=b", "value=" + v}}})
		},
		"content type as a field": func(v string) (response, error) {
			return ok(responses.TextResponse{Header: responses.Header{"Content-Type": {v}}})
		},
		"location as a field": func(v string) (response, error) {
			return ok(responses.TextResponse{Status: 201, Header: responses.Header{"Location": {v}}})
		},
		"server as a field": func(v string) (response, error) {
			return ok(responses.TextResponse{Header: responses.Header{"Server": {v}}})
		},
		"name of a field": func(v string) (response, error) {
			return ok(responses.TextResponse{Header: responses.Header{v: {"1"}}})
		},
		"name of a field of a problem": func(v string) (response, error) {
			problem := responses.NewProblem(400, "")
			problem.Header = responses.Header{v: {"1"}}
			return nil, problem
		},
		"URL of a redirect":      func(v string) (response, error) { return ok(responses.Redirect("/" + v)) },
		"URL from the client":    func(v string) (response, error) { return ok(responses.Redirect(v)) },
		"content type of bytes":  func(v string) (response, error) { return ok(responses.Bytes("text/"+v, []byte("a"))) },
		"content type of a file": func(v string) (response, error) { return ok(responses.FileResponse{Path: file, ContentType: v}) },
		"name of a file":         func(v string) (response, error) { return ok(responses.FileResponse{Path: file, Name: v}) },
		"path of a file":         func(v string) (response, error) { return ok(responses.File(file + v)) },
		"content type of a stream": func(v string) (response, error) {
			return ok(responses.Stream("text/"+v, func(*responses.StreamWriter) error { return nil }))
		},
		"members of a problem": func(v string) (response, error) {
			return nil, &responses.Problem{Type: v, Title: v, Status: 400, Detail: v, Instance: v, Errors: []string{v}}
		},
		"text of an error": func(v string) (response, error) { return nil, publicError(v) },
		"text":             func(v string) (response, error) { return ok(responses.Text(v)) },
		"ID of an event": func(v string) (response, error) {
			return ok(events(func(w *responses.EventWriter) error { return w.Send(responses.Event{ID: v, Data: "a"}) }))
		},
		"name of an event": func(v string) (response, error) {
			return ok(events(func(w *responses.EventWriter) error { return w.Send(responses.Event{Name: v, Data: "a"}) }))
		},
		"data of an event": func(v string) (response, error) {
			return ok(events(func(w *responses.EventWriter) error { return w.Send(responses.Event{Data: v}) }))
		},
		"name of a JSON event": func(v string) (response, error) {
			return ok(events(func(w *responses.EventWriter) error { return w.SendJSON(v, 1) }))
		},
		"data of a JSON event": func(v string) (response, error) {
			return ok(events(func(w *responses.EventWriter) error { return w.SendJSON("a", v) }))
		},
		"comment": func(v string) (response, error) {
			return ok(events(func(w *responses.EventWriter) error { return w.Comment(v) }))
		},
	}
}

// events is a stream that ends well whether its event could be sent or not.
func events(send func(*responses.EventWriter) error) responses.Response {
	return responses.EventStream(func(w *responses.EventWriter) error {
		_ = send(w)
		return w.Send(responses.Event{Data: "end"})
	})
}

type publicError string

func (e publicError) Error() string         { return string(e) }
func (e publicError) StatusCode() int       { return 409 }
func (e publicError) PublicMessage() string { return string(e) }

// inject sends one request and returns the bytes of its answer.
func inject(t *testing.T, address, text string) (header, body string) {
	t.Helper()
	conn := dial(t, address)
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	header, body, found := strings.Cut(string(answer), "\r\n\r\n")
	require.True(t, found, "%q", answer)
	return header, body
}

var (
	statusLine = regexp.MustCompile(`^HTTP/1\.1 \d{3} [A-Za-z -]+$`)
	fieldLine  = regexp.MustCompile(`^([!#$%&'*+\-.^_` + "`" + `|~0-9A-Za-z]+): ([^\x00-\x08\x0a-\x1f\x7f]*)$`)
)

// assertHeader checks that a header has only fields that we know to send.
func assertHeader(t *testing.T, header, what string) {
	t.Helper()
	lines := strings.Split(header, "\r\n")
	assert.Regexp(t, statusLine, lines[0], what)
	for _, line := range lines[1:] {
		match := fieldLine.FindStringSubmatch(line)
		if !assert.NotNil(t, match, "%s: %q", what, line) {
			continue
		}
		switch match[1] {
		case "Accept-Ranges", "Allow", "Cache-Control", "Connection", "Content-Disposition", "Content-Length", "Content-Type", "Date", "Last-Modified",
			"Location", "Server", "Set-Cookie", "Transfer-Encoding", "X-Accel-Buffering", "X-Content-Type-Options", "X-Request-Id", "X-Value":
		default:
			assert.Fail(t, "a field of the client's own", "%s: %q", what, line)
		}
	}
}

func TestNothingAddsALineToAHeader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.txt")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	app := velithon.New(velithon.Options{Logger: quiet})
	apis := injections(file)
	for name, api := range apis {
		app.Handle("GET", "/"+url.PathEscape(name), routing.NewEndpoint(func(_ context.Context, in struct {
			Value string `query:"value"`
		},
		) (responses.Response, error) {
			return api(in.Value)
		}))
	}
	address := serve(t, app)
	for name := range apis {
		t.Run(name, func(t *testing.T) {
			header, _ := inject(t, address, request("GET", "/"+url.PathEscape(name)+"?value=plain", "", "Connection: close"))
			require.NotContains(t, header, " 500 ", "a harmless value is sent")
			for _, br := range breaks {
				for _, value := range []string{"a" + br + injected, br + injected, "a" + br, injected + br + injected, "a" + br + injected + br + br + "HTTP/1.1 200 OK" + br} {
					target := "/" + url.PathEscape(name) + "?value=" + url.QueryEscape(value)
					header, body := inject(t, address, request("GET", target, "", "Connection: close"))
					assertHeader(t, header, value)
					if strings.Contains(header, "Content-Type: text/event-stream") {
						assertEvents(t, body, value)
					}
				}
			}
		})
	}
}

// assertEvents checks that lines of the client are data or comments.
func assertEvents(t *testing.T, body, what string) {
	t.Helper()
	for _, line := range regexp.MustCompile(`\r\n|\r|\n`).Split(body, -1) {
		assert.False(t, strings.HasPrefix(line, "X-Injected"), "%q: %q", what, line)
	}
}

func TestEventsAreNotMadeOfData(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(_ context.Context, in struct {
		Value string `query:"value"`
	},
	) (responses.Response, error) {
		return events(func(w *responses.EventWriter) error {
			if err := w.Comment(in.Value); err != nil {
				return err
			}
			return w.Send(responses.Event{Name: "message", Data: in.Value})
		}), nil
	})
	address := serve(t, app)
	for _, br := range []string{"\r\n", "\n", "\r"} {
		value := "a" + br + "event: forged" + br + "id: forged" + br + "retry: 1" + br + "data: forged" + br + br + "event: forged"
		_, body := inject(t, address, request("GET", "/?value="+url.QueryEscape(value), "", "Connection: close"))
		for _, line := range regexp.MustCompile(`\r\n|\r|\n`).Split(body, -1) {
			assert.NotRegexp(t, `^(event|id|data): forged`, line)
			assert.NotRegexp(t, `^retry`, line)
		}
	}
}

// What a client sends as the id of its request comes back as it is, or not at
// all.
func TestRequestIDsAreNotEchoedBlindly(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/", func(context.Context, struct{}) (string, error) { return "ok", nil })
	address := serve(t, app)
	for _, id := range []string{
		"a\r\n " + injected, "a\nX: " + injected, "a\r" + injected, "a\x00b", "a b", "a\tb", "a,b", "a;b", "<script>", `"a"`, "a=b", "a/b", "ü", "\xff", "%0d%0a" + injected, strings.Repeat("a", 65),
	} {
		header, _ := inject(t, address, request("GET", "/", "", "Connection: close", "X-Request-Id: "+id))
		assertHeader(t, header, id)
		assert.NotContains(t, header, "X-Request-Id: "+id)
		assert.NotContains(t, header, "Injected")
	}
	header, _ := inject(t, address, request("GET", "/", "", "Connection: close", "X-Request-Id: a-b_c.d:9"))
	assert.Contains(t, header, "X-Request-Id: a-b_c.d:9")
}

// The log is read by lines as well.
func TestNothingAddsALineToTheLog(t *testing.T) {
	var log strings.Builder
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	app.Get("/{path:*}", func(_ context.Context, in struct {
		Path string `path:"path"`
	},
	) (string, error) {
		panic(in.Path)
	})
	address := serve(t, app)
	for _, br := range breaks {
		inject(t, address, request("GET", "/"+url.PathEscape("a"+br+"level=ERROR msg=forged"), "", "Connection: close"))
	}
	for line := range strings.Lines(log.String()) {
		assert.True(t, strings.HasPrefix(line, "time="), "%q", line)
	}
}

// Middleware writes with fasthttp, which we have no say in. It takes CR and LF
// out of fields.
func TestFieldsOfMiddleware(t *testing.T) {
	for name, set := range map[string]func(raw *fasthttp.RequestCtx, value string){
		"Set":             func(raw *fasthttp.RequestCtx, v string) { raw.Response.Header.Set("X-Value", v) },
		"Add":             func(raw *fasthttp.RequestCtx, v string) { raw.Response.Header.Add("X-Value", v) },
		"SetContentType":  func(raw *fasthttp.RequestCtx, v string) { raw.SetContentType(v) },
		"SetServer":       func(raw *fasthttp.RequestCtx, v string) { raw.Response.Header.SetServer(v) },
		"Set of the name": func(raw *fasthttp.RequestCtx, v string) { raw.Response.Header.Set(v, "1") },
		"SetCanonical": func(raw *fasthttp.RequestCtx, v string) {
			raw.Response.Header.SetCanonical([]byte("X-Value"), []byte(v))
		},
		"SetStatusMessage": func(raw *fasthttp.RequestCtx, v string) { raw.Response.Header.SetStatusMessage([]byte(v)) },
		"Redirect":         func(raw *fasthttp.RequestCtx, v string) { raw.Redirect("/"+v, 302) },
		"SetCookie": func(raw *fasthttp.RequestCtx, v string) {
			var cookie fasthttp.Cookie
			cookie.SetKey("k" + v)
			cookie.SetValue(v)
			cookie.SetPath(v)
			cookie.SetDomain(v)
			raw.Response.Header.SetCookie(&cookie)
		},
		"WriteProblem": func(raw *fasthttp.RequestCtx, v string) {
			problem := responses.NewProblem(400, v)
			problem.Header = responses.Header{"X-Value": {v}}
			responses.WriteProblem(raw, problem)
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := velithon.New(velithon.Options{Logger: quiet})
			app.Use(func(fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(raw *fasthttp.RequestCtx) { set(raw, string(raw.QueryArgs().Peek("value"))) }
			})
			address := serve(t, app)
			for _, br := range []string{"\r\n", "\n", "\r", "\r\n\r\n"} {
				header, _ := inject(t, address, request("GET", "/?value="+url.QueryEscape("a"+br+injected), "", "Connection: close"))
				for _, line := range regexp.MustCompile(`\r\n|\r|\n`).Split(header, -1) {
					assert.False(t, strings.HasPrefix(line, "X-Injected"), "%q", header)
				}
			}
		})
	}
}
