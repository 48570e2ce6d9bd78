package responses_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

type (
	describedContent struct{ Name string }

	// ownResponse describes itself, on a pointer.
	ownResponse struct{ responses.TextResponse }

	// silentResponse doesn't.
	silentResponse struct{ Response responses.TextResponse }

	// wrapping has the method of what it embeds.
	wrapping struct{ *responses.FileResponse }

	ownWork struct{}
)

func (*ownResponse) Describe() responses.Description {
	return responses.Description{Answers: []responses.Answer{{Status: 418, ContentType: "text/tea", Text: "short and stout"}}}
}

func (s silentResponse) Write(raw *fasthttp.RequestCtx) error { return s.Response.Write(raw) }
func (s silentResponse) Work() background.Work                { return nil }

func (ownWork) Run(context.Context) error { return nil }

func TestOutputsDescribeThemselves(t *testing.T) {
	content := reflect.TypeFor[describedContent]()
	anyWork := reflect.TypeFor[background.Work]()
	json := []responses.Answer{{ContentType: "application/json", Content: content}}
	one := func(status int, contentType string) responses.Description {
		return responses.Description{Answers: []responses.Answer{{Status: status, ContentType: contentType}}, Work: anyWork}
	}
	for _, test := range []struct {
		out  reflect.Type
		want responses.Description
	}{
		{content, responses.Description{Answers: json}},
		{reflect.TypeFor[*describedContent](), responses.Description{Answers: []responses.Answer{{ContentType: "application/json", Content: reflect.TypeFor[*describedContent]()}}}},
		{reflect.TypeFor[responses.ContentResponse[describedContent]](), responses.Description{Answers: json, Work: anyWork}},
		{reflect.TypeFor[responses.JSONResponse[describedContent, *background.Task]](), responses.Description{Answers: json, Work: reflect.TypeFor[*background.Task]()}},
		{reflect.TypeFor[*responses.JSONResponse[describedContent, ownWork]](), responses.Description{Answers: json, Work: reflect.TypeFor[ownWork]()}},
		{reflect.TypeFor[responses.TextResponse](), one(0, "text/plain")},
		{reflect.TypeFor[responses.HTMLResponse](), one(0, "text/html")},
		{reflect.TypeFor[responses.BytesResponse](), one(0, "*/*")},
		{reflect.TypeFor[*responses.StreamResponse](), one(0, "*/*")},
		{reflect.TypeFor[*responses.EventStreamResponse](), one(200, "text/event-stream")},
		{reflect.TypeFor[responses.NoContentResponse](), one(204, "")},
		{reflect.TypeFor[responses.RedirectResponse](), one(307, "")},
		{reflect.TypeFor[*responses.Problem](), one(500, "application/problem+json")},
		{reflect.TypeFor[responses.Response](), one(0, "*/*")},
		{reflect.TypeFor[any](), one(0, "*/*")},
		{reflect.TypeFor[silentResponse](), one(0, "*/*")},
		{reflect.TypeFor[*ownResponse](), responses.Description{Answers: []responses.Answer{{Status: 418, ContentType: "text/tea", Text: "short and stout"}}}},
		{reflect.TypeFor[ownResponse](), responses.Description{Answers: []responses.Answer{{Status: 418, ContentType: "text/tea", Text: "short and stout"}}}},
		{reflect.TypeFor[wrapping](), responses.FileResponse{}.Describe()},
	} {
		assert.Equal(t, test.want, responses.Describe(test.out), "%s", test.out)
	}
}

// A content with a method Describe of its own is no response.
func TestContentThatDescribesSomethingElse(t *testing.T) {
	d := responses.Describe(reflect.TypeFor[contentThatDescribes]())
	assert.Equal(t, reflect.TypeFor[contentThatDescribes](), d.Answers[0].Content)
}

type contentThatDescribes struct{}

func (contentThatDescribes) Describe() responses.Description { return responses.Description{} }

// What a file may be answered with is in its description: each of them is provoked.
func TestAnswersOfFilesAreDescribed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.txt")
	require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
	seen := make(map[int]string)
	for _, request := range []struct{ path, name, value string }{
		{path, "", ""},
		{path, "Range", "bytes=0-3"},
		{path, "Range", "bytes=100-"},
		{path, "If-Modified-Since", time.Now().UTC().Format(http.TimeFormat)},
		{path, "If-Match", `"other"`},
		{path + ".gone", "", ""},
	} {
		var req fasthttp.Request
		if request.name != "" {
			req.Header.Set(request.name, request.value)
		}
		raw := &fasthttp.RequestCtx{}
		raw.Init(&req, nil, nil)
		if err := responses.File(request.path).Write(raw); err != nil {
			responses.WriteProblem(raw, responses.ProblemFor(err))
		}
		require.NoError(t, raw.Response.CloseBodyStream())
		seen[raw.Response.StatusCode()] = string(raw.Response.Header.ContentType())
	}
	described := make(map[int]bool)
	for _, answer := range responses.Describe(reflect.TypeFor[responses.FileResponse]()).Answers {
		status := answer.Status
		if status == 0 {
			status = 200
		}
		described[status] = true
		contentType, provoked := seen[status]
		assert.True(t, provoked, "%d", status)
		switch answer.ContentType {
		case "": // fasthttp has a default for the type of no content
		case "*/*":
			assert.NotEmpty(t, contentType, "%d", status)
		default:
			assert.Equal(t, answer.ContentType, contentType, "%d", status)
		}
	}
	for status := range seen {
		assert.True(t, described[status], "%d", status)
	}
}
