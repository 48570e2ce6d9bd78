//go:build !race

package params_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

func allocs[T any](t *testing.T, r request, o params.Options) float64 {
	t.Helper()
	plan := compile[T](t, o)
	ctx := r.ctx()
	in := new(T)
	require.NoError(t, plan.Decode(ctx, in))
	return testing.AllocsPerRun(200, func() {
		*in = *new(T)
		_ = plan.Decode(ctx, in)
	})
}

// TestAllocs counts what decoding allocates besides the input itself. What a
// comment here does not explain is too much.
func TestAllocs(t *testing.T) {
	path := params.Options{PathParams: []string{"id"}}
	id := map[string]string{"id": "7"}

	type none struct {
		ID    int      `path:"id" validate:"required"`
		Limit int      `query:"limit" default:"20"`
		Sort  string   `query:"sort" default:"new"`
		On    bool     `query:"on"`
		F     float64  `header:"X-F"`
		Not   *int     `query:"not"`
		Nor   []string `query:"nor" validate:"omitempty,max=3"`
	}
	assert.Equal(t, 0.0, allocs[none](t, request{uri: "/?on=true", path: id, header: [][2]string{{"X-F", "0.5"}}}, path))
	assert.Equal(t, 0.0, allocs[struct{}](t, request{body: `{"a":1}`}, path))

	// 4 texts, 2 times growing the list of tags, and 1 pointer's target.
	assert.Equal(t, 7.0, allocs[typicalQuery](t, typicalQueryRequest, path))

	// Two pieces of memory for the 4 texts, and the list of items.
	assert.Equal(t, 3.0, allocs[typicalOrder](t, typicalOrderRequest, path))

	// A zero that is required costs nothing more: the reader has seen it.
	zero := typicalOrderRequest
	zero.body = strings.Replace(zero.body, `"qty":1`, `"qty":0`, 1)
	assert.Equal(t, 3.0, allocs[typicalOrder](t, zero, path))
}

// TestAllocsOfWhatFewUse counts what decoding allocates besides the input itself, where it
// has something that most inputs do without.
func TestAllocsOfWhatFewUse(t *testing.T) {
	type patch struct {
		Name  params.Optional[string]  `json:"name" validate:"min=1,max=100"`
		Age   params.Optional[int]     `json:"age" validate:"required,min=1"`
		Phone params.Optional[*string] `json:"phone" validate:"max=20"`
	}
	// A piece of memory for the text. The codec is not called.
	assert.Equal(t, 1.0, allocs[patch](t, request{body: `{"name":"Ada","age":36}`}, params.Options{}))

	type filled struct {
		Name string `json:"name" default:"none" validate:"min=1,max=100"`
		Size int    `json:"size" default:"3"`
		List []struct {
			On bool `json:"on" default:"true"`
		} `json:"list"`
	}
	assert.Equal(t, 0.0, allocs[filled](t, request{body: `{}`}, params.Options{}))
	assert.Equal(t, 1.0, allocs[filled](t, request{body: `{"list":[{},{"on":false}]}`}, params.Options{})) // the list

	// What is known costs nothing more.
	assert.Equal(t, 3.0, allocs[typicalOrder](t, typicalOrderRequest, params.Options{RejectUnknown: true}))

	type query struct {
		On    params.Checkbox      `query:"on"`
		Limit params.Optional[int] `query:"limit" validate:"min=1"`
	}
	assert.Equal(t, 0.0, allocs[query](t, request{uri: "/?on=on&limit=3"}, params.Options{RejectUnknown: true}))
}

// Asking the types of an input costs a walk and the path in it, however many values.
func TestValidateAllocatesItsWalkOnly(t *testing.T) {
	plan := compile[[]quietType](t)
	in := make([]quietType, 100)
	ctx := t.Context()
	assert.Equal(t, 2.0, testing.AllocsPerRun(100, func() { _ = plan.Validate(ctx, &in) }))
}

type quietType struct {
	A int `json:"a"`
}

func (q *quietType) Validate(context.Context) error { return nil }

// A form of short fields would take a hundred times its size if all of them were
// kept, also those that nothing asks for.
func TestFieldsThatNothingAsksForAreNotKept(t *testing.T) {
	type form struct {
		Name string `form:"name"`
	}
	plan := compile[form](t)
	ctx := request{contentType: urlencoded, body: "name=ada&" + strings.Repeat("a=&%61=+&", 10_000)}.ctx()
	var in form
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, plan.Decode(ctx, &in))
	runtime.ReadMemStats(&after)
	assert.Equal(t, "ada", in.Name)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<10))
}

// A long list is in memory once, and lists that come after a list as long as it
// was get no room for the rest of the body each.
func TestListsTakeLittleMoreThanTheirElements(t *testing.T) {
	items := func(n int) string { return `[` + strings.Repeat(`{"a":1},`, n-1) + `{"a":22}]` }
	type item struct {
		A int `json:"a"`
		B int `json:"b"`
		C int `json:"c"`
	}
	const size = 3 * 8
	allocated := func(decode func()) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		decode()
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	long := request{body: items(200_000)}.ctx()
	plan := compile[[]item](t)
	var list []item
	assert.Less(t, allocated(func() { require.NoError(t, plan.Decode(long, &list)) }), 1.2*200_000*size)
	assert.Len(t, list, 200_000)

	many := request{body: `[` + strings.Repeat(items(2_050)+",", 99) + items(2_050) + `]`}.ctx()
	lists := compile[[][]item](t)
	var all [][]item
	assert.Less(t, allocated(func() { require.NoError(t, lists.Decode(many, &all)) }), 10.0*100*2_050*size)
	assert.Len(t, all, 100)

	short := request{body: `[` + strings.Repeat(items(257)+",", 499) + items(257) + `]`}.ctx()
	all = nil
	assert.Less(t, allocated(func() { require.NoError(t, lists.Decode(short, &all)) }), 8.0*500*257*size)
	assert.Len(t, all, 500)
}
