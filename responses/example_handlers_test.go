package responses_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// tell answers a request with the given header lines by what a handler returned,
// and prints the answer as a client gets it, without its date.
func tell(response responses.Response, err error, lines ...string) {
	var raw fasthttp.RequestCtx
	raw.Init(new(fasthttp.Request), nil, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		raw.Request.Header.Set(name, value)
	}
	if err != nil {
		response = responses.ProblemFor(err)
	}
	if err := response.Write(&raw); err != nil {
		_ = responses.ProblemFor(err).Write(&raw)
	}
	head, body, _ := strings.Cut(raw.Response.String(), "\r\n\r\n")
	if strings.Contains(head, "\r\nTransfer-Encoding: chunked") {
		decoded, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(body)))
		if err != nil {
			panic(err)
		}
		body = string(decoded)
	}
	for i, line := range strings.Split(head, "\r\n") {
		if i != 1 { // the date
			fmt.Println(line)
		}
	}
	if body = strings.TrimSpace(body); body != "" {
		fmt.Printf("\n%s\n", body)
	}
	fmt.Println()
}

type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// accounts is a service with a handler for each kind of response.
type accounts struct {
	folder *os.Root
	audit  func(context.Context, string) error
}

func (a *accounts) create(_ context.Context, in user) (responses.JSONResponse[user, *background.Task], error) {
	in.ID = 7
	return responses.JSONResponse[user, *background.Task]{
		Content:    in,
		Background: background.NewTask(a.audit, "user 7 was created"),
		Status:     201,
		Header:     responses.Header{"Location": {"/users/7"}},
	}, nil
}

func ExampleJSONResponse() {
	a := accounts{audit: func(context.Context, string) error { return nil }}
	response, err := a.create(context.Background(), user{Name: "Ada"})
	tell(response, err)
	// Output:
	// HTTP/1.1 201 Created
	// Content-Type: application/json
	// Content-Length: 21
	// Location: /users/7
	//
	// {"id":7,"name":"Ada"}
}

func (a *accounts) rename(_ context.Context, in struct {
	ID   int  `path:"id"`
	User user `body:""`
	Tell bool `query:"tell"`
},
) (responses.ContentResponse[user], error) {
	response := responses.Content(user{in.ID, in.User.Name})
	response.Header = responses.Header{"ETag": {`"2"`}}
	if in.Tell {
		response.Background = background.NewTask(a.audit, "user 7 was renamed")
	}
	return response, nil
}

func ExampleContent() {
	a := accounts{audit: func(context.Context, string) error { return nil }}
	response, err := a.rename(context.Background(), struct {
		ID   int  `path:"id"`
		User user `body:""`
		Tell bool `query:"tell"`
	}{7, user{Name: "Countess"}, false})
	tell(response, err)
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: application/json
	// Content-Length: 26
	// Etag: "2"
	//
	// {"id":7,"name":"Countess"}
}

func (a *accounts) hello(context.Context, struct{}) (responses.TextResponse, error) {
	response := responses.Text("Hello Ada")
	response.Background = background.NewTask(a.audit, "Ada was greeted")
	return response, nil
}

func ExampleText() {
	a := accounts{audit: func(context.Context, string) error { return nil }}
	response, err := a.hello(context.Background(), struct{}{})
	tell(response, err)
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 9
	//
	// Hello Ada
}

func (*accounts) badge(context.Context, struct{}) (responses.BytesResponse, error) {
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)
	return responses.Bytes("image/svg+xml", svg), nil
}

func ExampleBytes() {
	response, err := new(accounts).badge(context.Background(), struct{}{})
	tell(response, err)
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: image/svg+xml
	// Content-Length: 41
	//
	// <svg xmlns="http://www.w3.org/2000/svg"/>
}

func (a *accounts) invoice(_ context.Context, in struct {
	File string `path:"file"`
},
) (responses.FileResponse, error) {
	return responses.FileResponse{Root: a.folder, Path: in.File, Name: "Invoice " + in.File}, nil
}

func ExampleFileResponse_Write() {
	folder, err := invoices()
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder.Name()) }()
	defer folder.Close()

	a := accounts{folder: folder}
	in := struct {
		File string `path:"file"`
	}{"2026.txt"}
	response, err := a.invoice(context.Background(), in)
	tell(response, err)
	tell(response, err, "Range: bytes=0-5")
	tell(response, err, "If-Modified-Since: Mon, 02 Nov 2026 10:00:00 GMT")
	in.File = "../secret.txt"
	response, err = a.invoice(context.Background(), in)
	tell(response, err)
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 13
	// Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT
	// Accept-Ranges: bytes
	// Content-Disposition: attachment; filename="Invoice 2026.txt"
	//
	// 42.00 Euro...
	//
	// HTTP/1.1 206 Partial Content
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 6
	// Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT
	// Accept-Ranges: bytes
	// Content-Range: bytes 0-5/13
	// Content-Disposition: attachment; filename="Invoice 2026.txt"
	//
	// 42.00
	//
	// HTTP/1.1 304 Not Modified
	// Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT
	//
	// HTTP/1.1 404 Not Found
	// Content-Type: application/problem+json
	// Content-Length: 60
	//
	// {"title":"Not Found","status":404,"detail":"file not found"}
}

// invoices makes a folder with one file in it.
func invoices() (*os.Root, error) {
	name, err := os.MkdirTemp("", "invoices")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(name, "2026.txt")
	if err := os.WriteFile(file, []byte("42.00 Euro..."), 0o600); err != nil {
		return nil, err
	}
	modified := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	if err := os.Chtimes(file, modified, modified); err != nil {
		return nil, err
	}
	return os.OpenRoot(name)
}

func (*accounts) login(context.Context, struct{}) (responses.RedirectResponse, error) {
	return responses.RedirectResponse{URL: "/welcome", Status: 303}, nil
}

func ExampleRedirectResponse() {
	response, err := new(accounts).login(context.Background(), struct{}{})
	tell(response, err)
	tell(responses.Redirect("/v2/users"), nil)
	// Output:
	// HTTP/1.1 303 See Other
	// Content-Length: 0
	// Location: /welcome
	//
	// HTTP/1.1 307 Temporary Redirect
	// Content-Length: 0
	// Location: /v2/users
}

func (a *accounts) remove(_ context.Context, in struct {
	ID string `path:"id"`
},
) (responses.NoContentResponse, error) {
	return responses.NoContentResponse{
		Background: background.NewTask(a.audit, "user "+in.ID+" was removed"),
	}, nil
}

func ExampleNoContentResponse() {
	a := accounts{audit: func(context.Context, string) error { return nil }}
	response, err := a.remove(context.Background(), struct {
		ID string `path:"id"`
	}{"7"})
	tell(response, err)
	// Output:
	// HTTP/1.1 204 No Content
}

func (a *accounts) export(_ context.Context, in struct {
	Year int `query:"year"`
},
) (*responses.StreamResponse, error) {
	if in.Year < 2000 {
		return nil, responses.NewProblem(404, "no records of that year")
	}
	stream := responses.Stream("text/csv", func(w *responses.StreamWriter) error {
		for month := range 12 {
			if _, err := fmt.Fprintf(w, "%d-%02d,%d\n", in.Year, month+1, 100*month); err != nil {
				return err // the client is gone
			}
		}
		return nil
	})
	stream.WriteTimeout = 10 * time.Second
	stream.Background = background.NewTask(a.audit, "the records were exported")
	return stream, nil
}

func ExampleStreamResponse() {
	a := accounts{audit: func(context.Context, string) error { return nil }}
	for _, year := range []int{2026, 1999} {
		response, err := a.export(context.Background(), struct {
			Year int `query:"year"`
		}{year})
		tell(response, err)
	}
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: text/csv
	// Transfer-Encoding: chunked
	//
	// 2026-01,0
	// 2026-02,100
	// 2026-03,200
	// 2026-04,300
	// 2026-05,400
	// 2026-06,500
	// 2026-07,600
	// 2026-08,700
	// 2026-09,800
	// 2026-10,900
	// 2026-11,1000
	// 2026-12,1100
	//
	// HTTP/1.1 404 Not Found
	// Content-Type: application/problem+json
	// Content-Length: 69
	//
	// {"title":"Not Found","status":404,"detail":"no records of that year"}
}

func (a *accounts) watch(ctx context.Context, _ struct{}) (*responses.EventStreamResponse, error) {
	changes := changesOf(ctx)
	return responses.EventStream(func(events *responses.EventWriter) error {
		for {
			select {
			case u, ok := <-changes:
				if !ok {
					return nil
				}
				if err := events.SendJSON("user", u); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil // the client has gone, or the server ends and the client comes back, to another process
			}
		}
	}), nil
}

// changesOf stands for a subscription.
func changesOf(context.Context) <-chan user {
	changes := make(chan user, 1)
	changes <- user{7, "Ada"}
	close(changes)
	return changes
}

func ExampleEventStreamResponse() {
	var a accounts
	response, err := a.watch(context.Background(), struct{}{})
	tell(response, err)
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: text/event-stream
	// Cache-Control: no-cache
	// X-Accel-Buffering: no
	// Transfer-Encoding: chunked
	//
	// event: user
	// data: {"id":7,"name":"Ada"}
}

// avatar answers with a picture, or sends the client to one.
func (*accounts) avatar(_ context.Context, in struct {
	ID int `path:"id"`
},
) (responses.Response, error) {
	if in.ID != 7 {
		return responses.Redirect("/avatars/default.svg"), nil
	}
	return responses.Bytes("image/svg+xml", []byte("<svg/>")), nil
}

func ExampleResponse_interface() {
	response, err := new(accounts).avatar(context.Background(), struct {
		ID int `path:"id"`
	}{8})
	tell(response, err)
	// Output:
	// HTTP/1.1 307 Temporary Redirect
	// Content-Length: 0
	// Location: /avatars/default.svg
}

// rows is a response of its own kind: a table as CSV.
type rows struct {
	table [][]string
	work  background.Work // nil for none
}

// Write implements [responses.Response].
func (r rows) Write(raw *fasthttp.RequestCtx) error {
	var body bytes.Buffer
	if err := csv.NewWriter(&body).WriteAll(r.table); err != nil {
		return err
	}
	raw.Response.Header.SetContentType("text/csv; charset=utf-8")
	raw.Response.SetBody(body.Bytes())
	return nil
}

// Work implements [responses.Response].
func (r rows) Work() background.Work { return r.work }

func ExampleResponse() {
	tell(rows{table: [][]string{{"id", "name"}, {"7", "Ada, Countess"}}}, nil)
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: text/csv; charset=utf-8
	// Content-Length: 26
	//
	// id,name
	// 7,"Ada, Countess"
}

// A value from a client can't add a line to the header.
func ExampleHeader() {
	name := "Ada\r\nSet-Cookie: session=stolen"
	response := responses.NoContent()
	response.Header = responses.Header{"X-Name": {name}}
	var raw fasthttp.RequestCtx
	fmt.Println(response.Write(&raw))
	// Output:
	// responses: value of header X-Name holds the control character '\r'
}

// Content that has no JSON is answered with a 500, and nothing of it is sent.
func ExampleWriteJSON() {
	var raw fasthttp.RequestCtx
	err := responses.WriteJSON(&raw, map[string]any{"id": 7, "name": func() string { return "Ada" }})
	fmt.Println(err)
	fmt.Println(len(raw.Response.Body()), "bytes were written")
	// Output:
	// json: unsupported type: func() string
	// 0 bytes were written
}

var errSoldOut = responses.NewProblem(409, "sold out")

// A problem may be returned as an error, and then carries work as well.
func ExampleProblem_WithBackground() {
	cause := errors.New("0 of 3 left on shelf 7")
	recount := background.Func("recount the shelf", func(context.Context) error { return nil })
	err := errSoldOut.WithCause(cause).WithBackground(recount)
	fmt.Println(err)
	fmt.Println(errors.Is(err, errSoldOut), errors.Is(err, cause))
	tell(nil, err)
	// Output:
	// 409 Conflict: sold out: 0 of 3 left on shelf 7
	// true true
	// HTTP/1.1 409 Conflict
	// Content-Type: application/problem+json
	// Content-Length: 53
	//
	// {"title":"Conflict","status":409,"detail":"sold out"}
}
