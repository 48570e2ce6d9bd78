package routing_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"mime/multipart"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// uploading returns a request with a file.
func uploading(t *testing.T) *fasthttp.RequestCtx {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.txt")
	require.NoError(t, err)
	_, err = fmt.Fprint(part, "content")
	require.NoError(t, err)
	require.NoError(t, form.Close())
	raw := new(fasthttp.RequestCtx)
	raw.Init(new(fasthttp.Request), nil, nil)
	raw.Request.Header.SetMethod("POST")
	raw.Request.Header.SetContentType(form.FormDataContentType())
	raw.Request.SetBody(body.Bytes())
	return raw
}

func TestTheUploadsOfALateHandlerAreItsOwnUntilItReturns(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	leave, opened := make(chan struct{}), make(chan error, 1)
	var kept params.File
	r.Post("/", func(_ context.Context, in struct {
		File params.File `form:"file"`
	},
	) (string, error) {
		<-leave
		kept = in.File
		file, err := in.File.Open()
		if err == nil {
			err = file.Close()
		}
		opened <- err
		return "", nil
	}, routing.Timeout(time.Millisecond))
	raw := uploading(t)
	routing.Build(r).ServeRequest(raw)
	require.Equal(t, 503, raw.LastTimeoutErrorResponse().StatusCode())
	assert.Contains(t, book.next(t), "the handler is still running after its timeout")
	close(leave)
	require.NoError(t, await(t, opened, "the handler"))
	assert.Contains(t, book.next(t), "the handler returned after its timeout")
	_, err := kept.Open()
	require.ErrorIs(t, err, os.ErrClosed)
}

// Drivers keep to a deadline by timers of their own, which may be the first.
func TestAHandlerThatKeepsToTheDeadlineByItselfIsLate(t *testing.T) {
	r := routing.New(routing.Options{Runner: background.NewRunner(background.RunnerOptions{}), Logger: slog.New(slog.DiscardHandler)})
	late := fmt.Errorf("query: %w", context.DeadlineExceeded)
	r.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
		deadline, _ := ctx.Deadline()
		for time.Now().Before(deadline) { // nothing wakes up sooner
		}
		return "", late
	}, routing.Timeout(time.Millisecond))
	r.Get("/own", func(context.Context, struct{}) (string, error) { return "", late }, routing.Timeout(time.Hour))
	serve := routing.Build(r).ServeRequest
	for range 200 {
		raw := answer(serve, "/")
		response := cmp.Or(raw.LastTimeoutErrorResponse(), &raw.Response)
		require.Equal(t, 503, response.StatusCode())
	}
	assert.Equal(t, 500, answer(serve, "/own").Response.StatusCode(), "a deadline of its own")
}

// A panickingWork is a response whose work can't be asked for.
type panickingWork struct{ responses.TextResponse }

func (panickingWork) Work() background.Work { panic("on purpose") }

// Such a panic comes when the request is over, on a goroutine of its own.
func TestAPanicOfALateResponseIsLogged(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	leave := make(chan struct{})
	r.Get("/", func(context.Context, struct{}) (panickingWork, error) {
		<-leave
		return panickingWork{}, nil
	}, routing.Timeout(time.Millisecond))
	raw := answer(routing.Build(r).ServeRequest, "/")
	require.Equal(t, 503, raw.LastTimeoutErrorResponse().StatusCode())
	assert.Contains(t, book.next(t), "the handler is still running after its timeout")
	close(leave)
	record := book.next(t)
	assert.Contains(t, record, "panic in a response that came after its timeout")
	assert.Contains(t, record, "on purpose")
	assert.Contains(t, record, "timeout_test.go", "the stack")
}
