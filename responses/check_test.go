package responses_test

import (
	"context"
	"encoding"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

type (
	tree struct {
		Name     string `json:"name"`
		Children []tree `json:"children"`
	}
	failure struct {
		Code int `json:"code"`
	}
	job      struct{ ID int }
	callback func()
	ownJSON  struct{ Notify func() }
	ownText  struct{ Notify chan int }
	mine     struct{ Notify func() }
	hidden   struct {
		Notify func()
		base
	}
	base       struct{ Notify func() }
	withHidden struct {
		Notify string
		base
	}
	Embedded struct {
		On *struct {
			Done chan struct{} `json:"done"`
		} `json:"on"`
	}
)

func (*failure) Error() string { return "" }

func (job) Run(context.Context) error { return nil }

func (*ownJSON) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func (ownText) MarshalText() ([]byte, error) { return []byte("1"), nil }

func (mine) Write(*fasthttp.RequestCtx) error { return nil }
func (mine) Work() background.Work            { return nil }

func TestWhatAHandlerMayReturn(t *testing.T) {
	type nested[T any] struct {
		Items []struct {
			Value map[string]*T `json:"value"`
		} `json:"items"`
	}
	type pointing struct {
		*responses.JSONResponse[int, background.Work]
	}
	for _, test := range []struct {
		out  reflect.Type
		want string // "" when it may
	}{
		{reflect.TypeFor[pointing](), ""},
		{reflect.TypeFor[*pointing](), ""},
		{reflect.TypeFor[struct{ pointing }](), ""},
		{reflect.TypeFor[string](), ""},
		{reflect.TypeFor[any](), ""},
		{reflect.TypeFor[struct{}](), ""},
		{reflect.TypeFor[tree](), ""},
		{reflect.TypeFor[*tree](), ""},
		{reflect.TypeFor[[]any](), ""},
		{reflect.TypeFor[map[int]time.Time](), ""},
		{reflect.TypeFor[map[netip.Addr]json.RawMessage](), ""},
		{reflect.TypeFor[fmt.Stringer](), ""},
		{reflect.TypeFor[interface {
			error
			json.Marshaler
		}](), ""},
		{reflect.TypeFor[interface {
			error
			encoding.TextMarshaler
		}](), ""},
		{reflect.TypeFor[ownJSON](), ""},
		{reflect.TypeFor[nested[ownJSON]](), ""},
		{reflect.TypeFor[[]ownText](), ""},
		{reflect.TypeFor[withHidden](), ""},
		{reflect.TypeFor[struct {
			F func() `json:"-"`
			g func()
			C chan int `json:"c,omitzero"`
		}](), ""},

		{reflect.TypeFor[responses.Response](), ""},
		{reflect.TypeFor[responses.Event](), ""}, // of the package, and content
		{reflect.TypeFor[mine](), ""},
		{reflect.TypeFor[*responses.Problem](), ""},
		{reflect.TypeFor[responses.Problem](), ""},
		{reflect.TypeFor[*responses.StreamResponse](), ""},
		{reflect.TypeFor[*responses.TextResponse](), ""},
		{reflect.TypeFor[responses.ContentResponse[tree]](), ""},
		{reflect.TypeFor[responses.JSONResponse[tree, *background.Tasks]](), ""},
		{reflect.TypeFor[responses.ContentResponse[*failure]](), ""},
		{reflect.TypeFor[responses.ContentResponse[job]](), ""},
		{reflect.TypeFor[nested[failure]](), ""},

		{reflect.TypeFor[error](), "the output type error is an error, which a handler returns as its second result"},
		{reflect.TypeFor[*failure](), "the output type *responses_test.failure is an error"},
		{reflect.TypeFor[failure](), "the output type responses_test.failure is an error"},
		{reflect.TypeFor[interface {
			error
			Code() int
		}](), "is an error"},
		{reflect.TypeFor[*background.Task](), "the output type *background.Task is background work, which would not be run: return responses.JSON(content, work)"},
		{reflect.TypeFor[background.Task](), "is background work"},
		{reflect.TypeFor[background.Tasks](), "the output type background.Tasks is background work"},
		{reflect.TypeFor[*background.Tasks](), "is background work"},
		{reflect.TypeFor[background.Work](), "is background work"},
		{reflect.TypeFor[job](), "the output type responses_test.job is background work"},
		{reflect.TypeFor[io.ReadCloser](), "is a reader, whose bytes would not be sent"},
		{reflect.TypeFor[*os.File](), "the output type *os.File is a reader"},
		{reflect.TypeFor[*strings.Reader](), "is a reader"},

		{reflect.TypeFor[func()](), "the output type func() is a function, which JSON does not have"},
		{reflect.TypeFor[callback](), "the output type responses_test.callback is a function"},
		{reflect.TypeFor[<-chan int](), "is a channel, which JSON does not have: return a slice, responses.Stream or responses.EventStream"},
		{reflect.TypeFor[complex64](), "is a complex64"},
		{reflect.TypeFor[[]func()](), "the output type []func(), at []: is a function"},
		{reflect.TypeFor[map[string]chan int](), "at []: is a channel"},
		{reflect.TypeFor[map[bool]int](), "the output type map[bool]int is a map with keys of type bool, which JSON does not have"},
		{reflect.TypeFor[map[any]int](), "is a map with keys of type interface {}"},
		{reflect.TypeFor[nested[callback]](), "at Items[].Value[]: is a function"},
		{reflect.TypeFor[nested[background.Task]](), "at Items[].Value[]: is background work, which is not content: set the field Background of the response"},
		{reflect.TypeFor[nested[*responses.Problem]](), "at Items[].Value[]: is a response"},
		{reflect.TypeFor[nested[error]](), "at Items[].Value[]: is an error, which JSON has as {}"},
		{reflect.TypeFor[nested[responses.TextResponse]](), "at Items[].Value[]: is a response, which is not content"},
		{reflect.TypeFor[[]responses.Response](), "at []: is a response"},
		{reflect.TypeFor[struct{ Embedded }](), "at On.Done: is a channel"},
		{reflect.TypeFor[struct{ *Embedded }](), "at On.Done: is a channel"},
		{reflect.TypeFor[struct{ Work background.Work }](), "at Work: is background work"},
		{reflect.TypeFor[hidden](), "at Notify: is a function"},
		{reflect.TypeFor[struct {
			Left  func() `json:",omitzero"`
			Given func()
		}](), "at Given: is a function"},
		{reflect.TypeFor[responses.ContentResponse[func()]](), "the output type func() is a function"},
		{reflect.TypeFor[responses.ContentResponse[error]](), "the output type error is an error"},
		{reflect.TypeFor[*responses.JSONResponse[*background.Task, *background.Task]](), "the output type *background.Task is background work"},
		{reflect.TypeFor[responses.JSONResponse[nested[callback], *background.Task]](), "at Items[].Value[]: is a function"},
	} {
		err := responses.Check(test.out)
		if test.want == "" {
			assert.NoError(t, err, "%s", test.out)
		} else {
			assert.ErrorContains(t, err, test.want, "%s", test.out)
		}
	}
}

// What is refused has no JSON, and what is accepted has, whatever it is made of.
func TestWhatAHandlerMayReturnAgainstTheCodec(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 2000 {
		out := randomType(random, 3)
		value := reflect.New(out)
		fill(value.Elem())
		_, err := json.Marshal(value.Interface())
		if err != nil {
			require.ErrorAs(t, err, new(*json.UnsupportedTypeError))
			refused++
		}
		assert.Equal(t, err == nil, responses.Check(out) == nil, "%s: %v", out, err)
	}
	assert.Greater(t, refused, 500)
}

func randomType(random *rand.Rand, depth int) reflect.Type {
	leaves := []reflect.Type{
		reflect.TypeFor[int](), reflect.TypeFor[string](), reflect.TypeFor[any](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](),
		reflect.TypeFor[float64](), reflect.TypeFor[ownText](), reflect.TypeFor[func()](), reflect.TypeFor[chan int](), reflect.TypeFor[complex128](),
	}
	if depth == 0 {
		return leaves[random.IntN(len(leaves))]
	}
	inner := func() reflect.Type { return randomType(random, depth-1) }
	switch random.IntN(6) {
	case 0:
		return reflect.SliceOf(inner())
	case 1:
		return reflect.PointerTo(inner())
	case 2:
		keys := []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[uint8](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[bool](), reflect.TypeFor[float32]()}
		return reflect.MapOf(keys[random.IntN(len(keys))], inner())
	case 3:
		return reflect.ArrayOf(2, inner())
	default:
		tags := []string{"", `json:"x%d"`, `json:"-"`, `json:",omitempty"`}
		var fields []reflect.StructField
		for i := range 1 + random.IntN(3) {
			fields = append(fields, reflect.StructField{
				Name: string(rune('A' + i)), Type: inner(),
				Tag: reflect.StructTag(strings.ReplaceAll(tags[random.IntN(len(tags))], "%d", strconv.Itoa(i))),
			})
		}
		return reflect.StructOf(fields)
	}
}

// fill sets all of a value, so that all of it is encoded.
func fill(v reflect.Value) {
	switch t := v.Type(); t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		fill(v.Index(0))
	case reflect.Array:
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		element := reflect.New(t.Elem()).Elem()
		fill(element)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.Zero(t.Key()), element)
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Int:
		v.SetInt(1)
	case reflect.String:
		v.SetString("x")
	}
}
