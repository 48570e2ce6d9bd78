package responses_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

func TestProblemOnTheWire(t *testing.T) {
	for name, test := range map[string]struct {
		problem *responses.Problem
		status  int
		body    string
	}{
		"short":           {responses.NewProblem(409, "sold out"), 409, `{"title":"Conflict","status":409,"detail":"sold out"}`},
		"zero":            {&responses.Problem{}, 500, `{"title":"Internal Server Error","status":500}`},
		"no error status": {responses.NewProblem(200, "odd"), 500, `{"title":"Internal Server Error","status":500,"detail":"odd"}`},
		"full": {
			&responses.Problem{
				Type: "https://shop.test/p/stock", Title: "Out of stock", Status: 422, Detail: "no <book>", Instance: "/order/7",
				Errors: []map[string]string{{"in": "query"}}, Cause: io.EOF,
			},
			422,
			`{"type":"https://shop.test/p/stock","title":"Out of stock","status":422,"detail":"no \u003cbook\u003e","instance":"/order/7","errors":[{"in":"query"}]}`,
		},
		"no list":   {&responses.Problem{Status: 422, Errors: nil}, 422, `{"title":"Unprocessable Entity","status":422}`},
		"nil list":  {&responses.Problem{Status: 422, Errors: []string(nil)}, 422, `{"title":"Unprocessable Entity","status":422,"errors":[]}`},
		"no faults": {&responses.Problem{Status: 422, Errors: []string{}}, 422, `{"title":"Unprocessable Entity","status":422,"errors":[]}`},
		"no list at all": {
			&responses.Problem{Status: 422, Errors: map[string]int{"a": 1}}, 422, `{"title":"Unprocessable Entity","status":422,"errors":{"a":1}}`,
		},
	} {
		sent, err := exchange(t, test.problem, get())
		require.NoError(t, err, name)
		response := parse(t, sent)
		assert.Equal(t, test.status, response.StatusCode(), name)
		assert.Equal(t, test.status, test.problem.StatusCode(), name)
		assert.Equal(t, "application/problem+json", string(response.Header.ContentType()), name)
		assert.Equal(t, test.body, string(response.Body()), name)
	}
}

// coded is an error of another package that knows its status, and told one that
// has a text for the client too.
type coded struct{ status int }

func (e coded) Error() string   { return "internal text" }
func (e coded) StatusCode() int { return e.status }

type told struct{ coded }

func (told) PublicMessage() string { return "public text" }

func TestProblemFor(t *testing.T) {
	conflict := responses.NewProblem(409, "sold out")
	var none *responses.Problem
	for name, test := range map[string]struct {
		err    error
		status int
		detail string
	}{
		"problem":              {conflict, 409, "sold out"},
		"wrapped problem":      {fmt.Errorf("order: %w", conflict), 409, "sold out"},
		"joined problem":       {errors.Join(io.EOF, conflict), 409, "sold out"},
		"problem in coded":     {errors.Join(coded{410}, conflict), 409, "sold out"},
		"status":               {coded{410}, 410, ""},
		"status, text":         {told{coded{413}}, 413, "public text"},
		"wrapped status, text": {fmt.Errorf("order: %w", told{coded{413}}), 413, "public text"},
		"status 200":           {coded{200}, 500, ""},
		"status 600":           {told{coded{600}}, 500, "public text"},
		"other":                {io.EOF, 500, "the server could not answer this request"},
		"nil problem":          {none, 500, "the server could not answer this request"},
	} {
		problem := responses.ProblemFor(test.err)
		assert.Equal(t, test.status, problem.StatusCode(), name)
		assert.Equal(t, test.detail, problem.Detail, name)
		sent, err := exchange(t, problem, get())
		require.NoError(t, err, name)
		for _, secret := range []string{"internal text", "order:", "EOF", "responses:"} {
			assert.NotContains(t, sent, secret, name)
		}
	}

	assert.Nil(t, responses.ProblemFor(nil))
	assert.Same(t, conflict, responses.ProblemFor(fmt.Errorf("order: %w", conflict)))
	assert.ErrorIs(t, responses.ProblemFor(io.EOF), io.EOF, "the cause is kept for the log")
	assert.ErrorIs(t, responses.ProblemFor(fmt.Errorf("order: %w", coded{410})), coded{410})
	assert.EqualError(t, responses.ProblemFor(none).Unwrap(), "responses: a nil *Problem was returned as an error: return nil, or declare the variable as error")
	assert.NotErrorIs(t, fmt.Errorf("order: %w", none), io.EOF)
}

func TestProblemAsError(t *testing.T) {
	conflict := responses.NewProblem(409, "sold out")
	assert.EqualError(t, conflict, "409 Conflict: sold out")
	assert.EqualError(t, &responses.Problem{Title: "Oops"}, "500 Oops")

	work := background.Func("count", nothing)
	changed := conflict.WithCause(io.EOF).WithBackground(work)
	assert.EqualError(t, changed, "409 Conflict: sold out: EOF")
	assert.ErrorIs(t, changed, io.EOF)
	assert.ErrorIs(t, changed, conflict)
	assert.NotErrorIs(t, changed, responses.NewProblem(409, "sold out"))
	assert.Same(t, work, changed.Work())
	assert.Equal(t, responses.NewProblem(409, "sold out"), conflict, "the original is as it was")
}

// A nil *Problem in an error is not a nil error, and who got it looks what it is.
func TestNilProblemAsError(t *testing.T) {
	var none *responses.Problem
	assert.NotErrorIs(t, none, io.EOF)
	_, ok := errors.AsType[*fs.PathError](none)
	assert.False(t, ok)
	assert.ErrorContains(t, none, "a nil *Problem was returned as an error")
	assert.NotErrorIs(t, responses.NewProblem(409, "sold out"), none, "a problem that is no copy")
}

func TestProblemErrorsThatCannotBeEncoded(t *testing.T) {
	var raw fasthttp.RequestCtx
	assert.Error(t, (&responses.Problem{Status: 422, Errors: make(chan int)}).Write(&raw))
	assert.Empty(t, raw.Response.Body())
	assert.Equal(t, 200, raw.Response.StatusCode())
}

// A problem that is a package-level variable serves all requests at once.
func TestProblemIsShared(t *testing.T) {
	shared := &responses.Problem{Status: 503, Detail: "busy", Header: responses.Header{"Retry-After": {"1"}}}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				var raw fasthttp.RequestCtx
				assert.NoError(t, responses.ProblemFor(shared).Write(&raw))
				assert.Equal(t, 503, raw.Response.StatusCode())
				assert.ErrorIs(t, shared.WithCause(io.EOF), shared)
				assert.Nil(t, shared.Work())
			}
		})
	}
	group.Wait()
}
