package params_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

// What an int and a uint must be, which have another range on each architecture.
var (
	anInteger = fmt.Sprintf("must be an integer from %d to %d", math.MinInt, math.MaxInt)
	aNatural  = fmt.Sprintf("must be an integer from 0 to %d", uint(math.MaxUint))
)

// A request is what a test sends; the zero value is GET / without anything.
type request struct {
	uri         string
	path        map[string]string // what the router found
	header      [][2]string
	contentType string // application/json when there is a body and this is empty
	body        string
}

func (r request) ctx() *fasthttp.RequestCtx {
	var req fasthttp.Request
	if r.uri == "" {
		r.uri = "/"
	}
	req.SetRequestURI(r.uri)
	for _, h := range r.header {
		req.Header.Add(h[0], h[1])
	}
	if r.body != "" {
		req.Header.SetMethod(fasthttp.MethodPost)
		if r.contentType == "" {
			r.contentType = "application/json"
		}
		req.SetBodyString(r.body)
	}
	if r.contentType != "" {
		req.Header.SetContentType(r.contentType)
	}
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&req, nil, nil)
	var path params.PathValues
	for name, value := range r.path {
		path.Names = append(path.Names, name)
		path.Path += "/" + value
		path.Add(len(path.Path)-len(value), len(path.Path))
	}
	params.SetPath(ctx, &path)
	return ctx
}

func compile[T any](t testing.TB, options ...params.Options) *params.Plan {
	t.Helper()
	var o params.Options
	if len(options) > 0 {
		o = options[0]
	}
	plan, err := params.Compile(reflect.TypeFor[T](), o)
	require.NoError(t, err)
	return plan
}

// decode decodes a request into a T by a fresh plan.
func decode[T any](t testing.TB, r request, options ...params.Options) (T, error) {
	t.Helper()
	var in T
	err := compile[T](t, options...).Decode(r.ctx(), &in)
	return in, err
}

// accept decodes a request that must be right.
func accept[T any](t testing.TB, r request, options ...params.Options) T {
	t.Helper()
	in, err := decode[T](t, r, options...)
	require.NoError(t, err)
	return in
}

// refuse decodes a request that must be wrong.
func refuse[T any](t testing.TB, r request, options ...params.Options) *params.Error {
	t.Helper()
	_, err := decode[T](t, r, options...)
	return asError(t, err)
}

func asError(t testing.TB, err error) *params.Error {
	t.Helper()
	require.Error(t, err)
	invalid, ok := errors.AsType[*params.Error](err)
	require.True(t, ok, "%T is no *params.Error", err)
	return invalid
}

// brief writes each fault in one line: where and code.
func brief(err *params.Error) []string {
	lines := []string{}
	for _, f := range err.Faults {
		lines = append(lines, fmt.Sprintf("%s %s %s", f.In, f.Name+f.Pointer, f.Code))
	}
	return lines
}

// faults decodes a JSON body into a T and returns its faults in brief; none
// when it is accepted.
func faults[T any](t testing.TB, body string, options ...params.Options) []string {
	t.Helper()
	_, err := decode[T](t, request{body: body}, options...)
	if err == nil {
		return []string{}
	}
	invalid := asError(t, err)
	require.Equal(t, fasthttp.StatusUnprocessableEntity, invalid.Status, invalid.Error())
	return brief(invalid)
}

// The typical inputs are what the benchmarks and the allocation tests decode.
type (
	typicalQuery struct {
		Shop   string   `query:"shop" validate:"required,max=20"`
		Limit  int      `query:"limit" default:"20" validate:"min=1,max=100"`
		Sort   string   `query:"sort" default:"new" validate:"oneof=new old"`
		Tags   []string `query:"tag"`
		Since  *int     `query:"since"`
		Trace  string   `header:"X-Trace"`
		Absent string   `query:"absent"`
	}
	typicalOrder struct {
		Source string `query:"source" default:"web"`
		Order  struct {
			Email string        `json:"email" validate:"required,max=50"`
			Items []typicalItem `json:"items" validate:"required,min=1,dive"`
			Note  string        `json:"note"`
		} `body:"" validate:"required"`
	}
	typicalItem struct {
		SKU string `json:"sku" validate:"required"`
		Qty int    `json:"qty" validate:"required,min=0"`
	}
)

var (
	typicalQueryRequest = request{
		uri: "/?shop=berlin&limit=50&tag=a&tag=b&since=7", header: [][2]string{{"X-Trace", "abc"}},
	}
	typicalOrderRequest = request{
		body: `{"email":"ann@example.com","items":[{"sku":"pen","qty":1},{"sku":"ink","qty":2}],"note":"leave at the door"}`,
	}
)
