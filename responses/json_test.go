package responses_test

import (
	stdjson "encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

type order struct {
	ID    string   `json:"id"`
	Items []string `json:"items"`
	Note  string   `json:"note,omitempty"`
}

func TestJSONOnTheWire(t *testing.T) {
	tasks := new(background.Tasks)
	sent, err := exchange(t, responses.JSON(order{"7", []string{"a<b>&c"}, ""}, tasks), get())
	require.NoError(t, err)
	assert.Equal(t, message(`{"id":"7","items":["a\u003cb\u003e\u0026c"]}`,
		"HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 44"), sent)

	sent, err = exchange(t, responses.JSONResponse[*order, *background.Tasks]{
		Status: 201, Header: responses.Header{"Content-Type": {"application/hal+json"}},
	}, get())
	require.NoError(t, err)
	assert.Equal(t, message(`null`,
		"HTTP/1.1 201 Created", "Content-Type: application/hal+json", "Content-Length: 4"), sent)
}

func TestWriteJSONIsEncodingJSON(t *testing.T) {
	for _, content := range []any{
		nil, true, 1.5, "é<\u2028",
		[]int{},
		[]int(nil),
		map[string]any{"b": 1, "a": nil},
		order{},
		&order{ID: "x"},
		stdjson.RawMessage(`{"a": 1}`), strings.Repeat("large", 40_000),
	} {
		want, err := stdjson.Marshal(content)
		require.NoError(t, err)
		var raw fasthttp.RequestCtx
		raw.SetStatusCode(202)
		raw.SetBodyString("before")
		require.NoError(t, responses.WriteJSON(&raw, content))
		assert.Equal(t, string(want), string(raw.Response.Body()))
		assert.Equal(t, "application/json", string(raw.Response.Header.ContentType()))
		assert.Equal(t, 202, raw.Response.StatusCode())
	}
}

// faulty fails to encode, or panics.
type faulty struct{ panics bool }

func (f faulty) MarshalJSON() ([]byte, error) {
	if f.panics {
		panic("no")
	}
	return nil, errors.New("no")
}

func TestJSONThatCannotBeEncoded(t *testing.T) {
	for _, content := range []any{math.NaN(), make(chan int), faulty{}, []any{1, "secret", faulty{}}} {
		var raw fasthttp.RequestCtx
		raw.SetContentType("text/x")
		raw.SetBodyString("before")
		assert.Error(t, responses.WriteJSON(&raw, content))
		assert.Equal(t, "before", string(raw.Response.Body()))
		assert.Equal(t, "text/x", string(raw.Response.Header.ContentType()))

		sent, err := exchange(t, responses.JSON(content, background.Work(nil)), get())
		assert.Error(t, err)
		assert.Equal(t, 500, parse(t, sent).StatusCode())
		assert.NotContains(t, sent, "secret")
	}
}

// Encoders come from a pool, where neither a panic nor an error may leave one
// that writes into another response.
func TestJSONAfterPanics(t *testing.T) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 200 {
				var raw fasthttp.RequestCtx
				assert.Panics(t, func() { _ = responses.WriteJSON(&raw, []any{i, faulty{panics: true}}) })
				assert.Empty(t, raw.Response.Body())
				assert.Error(t, responses.WriteJSON(&raw, faulty{}))
				assert.NoError(t, responses.WriteJSON(&raw, i))
				want, _ := stdjson.Marshal(i)
				assert.Equal(t, want, raw.Response.Body())
			}
		})
	}
	group.Wait()
}

func BenchmarkWriteJSON(b *testing.B) {
	var content any = order{"0123456789", []string{"book", "pencil", "eraser"}, strings.Repeat("note ", 16)}
	var raw fasthttp.RequestCtx
	raw.Response.KeepBodyBuffer = true
	b.ReportAllocs()
	for b.Loop() {
		raw.Response.Reset()
		if err := responses.WriteJSON(&raw, content); err != nil {
			b.Fatal(err)
		}
	}
}
