package routing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

type userKey struct{}

// A transfer asks the request who sends it, and a slow database.
type transfer struct {
	From string `json:"from" validate:"required"`
	To   string `json:"to"`
}

func (t transfer) Validate(ctx context.Context) error {
	switch {
	case t.To == "slow":
		<-ctx.Done()
		return ctx.Err()
	case t.To == "down":
		return errors.New("the database is down")
	case t.To == "panic":
		panic("boom")
	case ctx.Value(userKey{}) != t.From:
		return params.Invalid(params.Fault{Pointer: "/from", Code: "owner", Detail: "must be yours: " + routing.RequestID(ctx)})
	}
	return nil
}

func TestValidateHasTheContextOfTheHandler(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue(userKey{}, "ada")
			next(raw)
		}
	})
	calls := 0
	send := routing.NewEndpoint(func(_ context.Context, in transfer) (string, error) {
		calls++
		if in.To == "taken" {
			return "", params.Invalid(params.Fault{Pointer: "/to", Code: "taken", Detail: "is taken"})
		}
		return in.To, nil
	})
	r.Handle("POST", "/transfers", send)
	r.Handle("POST", "/slow", send, routing.Timeout(20*time.Millisecond))
	handler := behindServer(r)
	post := func(target, body string) (int, string) {
		response := doAll(t, &fasthttp.Server{Handler: handler}, "POST", target, body, "Content-Type", "application/json", "X-Request-Id", "a-1")
		return response.StatusCode(), string(response.Body())
	}
	const head = `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[`

	status, answer := post("/transfers", `{"from":"ada","to":"bob"}`)
	assert.Equal(t, []any{200, `"bob"`, 1}, []any{status, answer, calls})
	_, answer = post("/transfers", `{"from":"eve","to":"bob"}`)
	assert.Equal(t, head+`{"in":"body","pointer":"#/from","code":"owner","detail":"must be yours: a-1"}]}`, answer)
	assert.Equal(t, 1, calls, "the handler was not called")
	_, answer = post("/transfers", `{"from":"ada","to":"taken"}`)
	assert.Equal(t, head+`{"in":"body","pointer":"#/to","code":"taken","detail":"is taken"}]}`, answer)

	status, answer = post("/transfers", `{"from":"ada","to":"down"}`)
	assert.Equal(t, 500, status)
	assert.NotContains(t, answer, "database")
	assert.Contains(t, book.next(t), "the database is down")
	status, _ = post("/transfers", `{"from":"ada","to":"panic"}`)
	assert.Equal(t, 500, status)
	assert.Contains(t, book.next(t), "boom")
	status, _ = post("/slow", `{"from":"ada","to":"slow"}`)
	assert.Equal(t, 503, status)
}

type (
	byPointer struct{ A int }
	byValue   struct{ A int }
	unrelated struct{ A int }
)

func (*byPointer) Validate(context.Context) error { return nil }
func (byValue) Validate(context.Context) error    { return nil }
func (*unrelated) Validate() error                { return nil }

func TestWhatIsReusableWithValidate(t *testing.T) {
	assert.False(t, reusable[byPointer, string]())
	assert.False(t, reusable[struct{ In [1]byPointer }, string]())
	assert.True(t, reusable[byValue, string]())
	assert.True(t, reusable[unrelated, string]())
	assert.True(t, reusable[[]byPointer, string]())
}
