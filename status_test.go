package velithon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type line struct {
	SKU string `json:"sku" validate:"required"`
	Qty int    `json:"qty" validate:"required,min=0"`
}

type newOrder struct {
	Shop   int    `path:"shop" validate:"min=1"`
	Source string `query:"source" default:"web" validate:"oneof=web app"`
	Limit  int    `query:"limit" default:"10"`
	Trace  string `header:"X-Trace" validate:"required"`
	Order  struct {
		Email string `json:"email" validate:"required,email"`
		Lines []line `json:"lines" validate:"required,dive"`
	} `body:"" validate:"required"`
}

type problem struct {
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail"`
	Errors []params.Fault `json:"errors"`
}

func problemOf(t *testing.T, body string) (p problem) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&p), body)
	return p
}

const jsonType = "Content-Type: application/json"

func newOrderApp() *velithon.App {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Post("/shops/{shop}/orders", func(_ context.Context, in newOrder) (newOrder, error) { return in, nil }, routing.Status(201))
	return app
}

func TestAllFaultsOfARequestAreToldAtOnce(t *testing.T) {
	body := `{"email":"secret-mail","lines":[{"sku":"secret-sku","qty":"secret-qty"},{"qty":0}]}`
	response, text := send(t, serve(t, newOrderApp()),
		request("POST", "/shops/7/orders?source=secret-source&limit=secret-limit", body, jsonType))
	assert.Equal(t, 422, response.StatusCode)
	assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	assert.NotContains(t, text, "secret")
	p := problemOf(t, text)
	assert.Equal(t, "Unprocessable Entity", p.Title)
	assert.Equal(t, []params.Fault{
		{In: params.Query, Name: "source", Code: "oneof", Detail: "must be one of: web, app"},
		{In: params.Query, Name: "limit", Code: "type", Detail: fmt.Sprintf("must be an integer from %d to %d", math.MinInt, math.MaxInt)},
		{In: params.Header, Name: "X-Trace", Code: "required", Detail: "is required"},
		{In: params.Body, Pointer: "#/lines/0/qty", Code: "type", Detail: fmt.Sprintf("must be an integer from %d to %d", math.MinInt, math.MaxInt)},
		{In: params.Body, Pointer: "#/lines/1/sku", Code: "required", Detail: "is required"},
		{In: params.Body, Pointer: "#/email", Code: "email", Detail: "must be an e-mail address"},
	}, p.Errors)
}

func TestZeroSatisfiesRequired(t *testing.T) {
	response, text := send(t, serve(t, newOrderApp()), request("POST", "/shops/7/orders",
		`{"email":"a@example.com","lines":[{"sku":"x","qty":0}]}`, jsonType, "X-Trace: "))
	assert.Equal(t, 201, response.StatusCode, text)
}

func TestStatuses(t *testing.T) {
	app := newOrderApp()
	app.Get("/files/{name}", func(_ context.Context, in struct {
		Name string `path:"name"`
	},
	) (string, error) {
		return in.Name, nil
	})
	app.Post("/form", func(_ context.Context, in struct {
		Name string      `form:"name" validate:"required"`
		File params.File `form:"file"`
	},
	) (int64, error) {
		return in.File.Size, nil
	})
	app.Post("/small", func(_ context.Context, _ struct {
		Body any `body:""`
	},
	) (string, error) {
		return "ok", nil
	}, routing.BodyLimit(10))
	app.Get("/hidden", func(context.Context, struct{}) (string, error) { return "", errors.New("secret cause") })
	app.Get("/shown", func(context.Context, struct{}) (string, error) { return "", soldOut{} })
	app.Get("/slow", func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}, routing.Timeout(time.Millisecond))
	app.Get("/empty", func(context.Context, struct{}) (responses.NoContentResponse, error) {
		return responses.NoContent(), nil
	})
	app.Get("/away", func(context.Context, struct{}) (responses.RedirectResponse, error) {
		return responses.Redirect("/files/x"), nil
	})
	address := serve(t, app)

	order := func(body string, header ...string) string {
		return request("POST", "/shops/7/orders", body, append(header, "X-Trace: t")...)
	}
	good := `{"email":"a@example.com","lines":[]}`
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	require.NoError(t, w.WriteField("name", "n"))
	part, err := w.CreateFormFile("file", "f.txt")
	require.NoError(t, err)
	_, err = io.WriteString(part, "12345")
	require.NoError(t, err)
	require.NoError(t, w.Close())

	for _, test := range []struct {
		name   string
		send   string
		status int
		detail string // of the problem, or the body of a success
	}{
		{"created", order(good, jsonType), 201, ""},
		{"a JSON suffix type", order(good, "Content-Type: application/vnd.order+json; v=1"), 201, ""},
		{"malformed JSON", order(`{"email":}`, jsonType), 400, "the JSON body is malformed at byte 10, or nested too deeply there"},
		{"trailing data", order(good+`{}`, jsonType), 400, "the JSON body is malformed at byte 37, or nested too deeply there"},
		{"too deep", order(strings.Repeat("[", 100_000), jsonType), 400, "*"},
		{"invalid UTF-8", order("{\"email\":\"\xff\"}", jsonType), 400, "the JSON body is not valid UTF-8"},
		{"wrong content type", order(good, "Content-Type: text/plain"), 415, "the body must be JSON, and Content-Type must say application/json"},
		{"no content type", order(good), 415, "the body must be JSON, and Content-Type must say application/json"},
		{"compressed", order(good, jsonType, "Content-Encoding: gzip"), 415, "the body is compressed, which is not supported: send it without Content-Encoding"},
		{"too large for the app", request("POST", "/shops/7/orders", strings.Repeat("x", velithon.DefaultBodyLimit+1), jsonType), 413, "the request body is too large"},
		{"too large for the route", request("POST", "/small", `"123456789"`, jsonType), 413, "the request body is too large"},
		{"just small enough", request("POST", "/small", `"12345678"`, jsonType), 200, `"ok"`},
		{"no body", order("", jsonType), 422, "*"},
		{"a parameter given twice", request("POST", "/shops/7/orders?limit=1&limit=2", good, jsonType, "X-Trace: t"), 422, "*"},
		{"an encoded path", request("GET", "/files/a%20b%25c", ""), 200, `"a b%c"`},
		{"an encoded slash", request("GET", "/files/a%2Fb", ""), 400, "the path has an encoded slash"},
		{"a path with dots", request("GET", "/files/%2E%2e", ""), 400, "the path has a segment that is empty or made of dots"},
		{"decoded once", request("GET", "/files/%2541", ""), 200, `"%41"`},
		{"a path that is badly encoded", request("GET", "/files/%zz", ""), 400, "the path has an invalid percent-encoding"},
		{"an urlencoded form", request("POST", "/form", "name=n", "Content-Type: application/x-www-form-urlencoded"), 200, "0"},
		{"a multipart form", request("POST", "/form", form.String(), "Content-Type: "+w.FormDataContentType()), 200, "5"},
		{"a form that is JSON", request("POST", "/form", "{}", jsonType), 415, "the body must be application/x-www-form-urlencoded or multipart/form-data, as Content-Type says"},
		{"a broken multipart form", request("POST", "/form", "x", "Content-Type: multipart/form-data; boundary=b"), 400, "*"},
		{"no route", request("GET", "/nowhere", ""), 404, "no route matches the path"},
		{"no redirect", request("GET", "/files/x/", ""), 404, "no route matches the path"},
		{"another method", request("DELETE", "/form", ""), 405, "the path exists, but not for this method: see Allow"},
		{"options", request("OPTIONS", "/form", ""), 204, ""},
		{"options of the service", "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", 204, ""},
		{"an authority", "CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n", 404, "no route matches the path"},
		{"a method of one's own", request("BREW", "/form", ""), 405, "the path exists, but not for this method: see Allow"},
		{"a method in lower case", request("post", "/form", ""), 405, "the path exists, but not for this method: see Allow"},
		{"a method of odd characters", request("!#$%&'*+-.^_`|~", "/form", ""), 405, "the path exists, but not for this method: see Allow"},
		{"an error of the service's own", request("GET", "/hidden", ""), 500, "the server could not answer this request"},
		{"an error with a public text", request("GET", "/shown", ""), 409, "sold out"},
		{"a timeout", request("GET", "/slow", ""), 503, "the request took longer than 1ms"},
		{"no content", request("GET", "/empty", ""), 204, ""},
		{"a redirect", request("GET", "/away", ""), 307, ""},
		{"a header as large as may be", request("GET", "/nowhere", "", "X-Long: "+strings.Repeat("x", velithon.DefaultHeaderLimit-100)), 404, "no route matches the path"},
		{"a header too large", request("GET", "/files/x", "", "X-Long: "+strings.Repeat("x", velithon.DefaultHeaderLimit)), 431, "the request header is too large"},
		{"not HTTP", "BOO\r\n\r\n", 400, "the request can't be parsed: its HTTP or its multipart form is malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, body := send(t, address, test.send)
			assert.Equal(t, test.status, response.StatusCode, body)
			assert.NotContains(t, body, "secret")
			assert.Empty(t, response.Header.Get("Server"))
			assert.NotEmpty(t, response.Header.Get("X-Request-Id"))
			if test.status >= 400 {
				assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
				if p := problemOf(t, body); test.detail != "*" {
					assert.Equal(t, test.detail, p.Detail)
				}
			} else if test.detail != "" {
				assert.Equal(t, test.detail, body)
			}
			if test.status == 405 || test.name == "options" {
				assert.Equal(t, "OPTIONS, POST", response.Header.Get("Allow"))
			}
		})
	}
}

// The answer of a HEAD request has no content: RFC 9110, section 9.3.2. Of one
// whose body breaks off fasthttp has forgotten the method, so that its answer has.
func TestTheRefusalOfAHeadHasNoContent(t *testing.T) {
	address := serve(t, velithon.New(velithon.Options{Logger: quiet, BodyLimit: 10}))
	large := strings.Repeat("x", 100)
	for name, text := range map[string]string{
		"a large body":                      request("HEAD", "/", large),
		"a large body that is not sent yet": "HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
		"what fasthttp takes":               "HEAD / HTTP/1.2\r\nHost: x\r\n\r\n",
	} {
		conn := dial(t, address)
		write(t, conn, text)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err, name)
		header, content, _ := strings.Cut(string(answer), "\r\n\r\n")
		assert.Regexp(t, "^HTTP/1.1 4[0-9]+ ", header, name)
		assert.Contains(t, header, "\r\nContent-Length: ", name)
		assert.Empty(t, content, name)
	}
}

type soldOut struct{}

func (soldOut) Error() string         { return "secret stock is empty" }
func (soldOut) StatusCode() int       { return 409 }
func (soldOut) PublicMessage() string { return "sold out" }
