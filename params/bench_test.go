package params_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/velithon-go/velithon/params"
)

func benchmark[T any](b *testing.B, r request, o params.Options) {
	plan := compile[T](b, o)
	ctx := r.ctx()
	var in T
	_ = plan.Decode(ctx, &in) // parses the query, as fasthttp does once per request
	b.SetBytes(int64(len(r.body)))
	b.ReportAllocs()
	for b.Loop() {
		var in T
		_ = plan.Decode(ctx, &in)
	}
}

func BenchmarkDecode(b *testing.B) {
	b.Run("query", func(b *testing.B) { benchmark[typicalQuery](b, typicalQueryRequest, params.Options{}) })
	b.Run("body", func(b *testing.B) { benchmark[typicalOrder](b, typicalOrderRequest, params.Options{}) })
	b.Run("body/zero", func(b *testing.B) {
		r := typicalOrderRequest
		r.body = strings.Replace(r.body, `"qty":1`, `"qty":0`, 1)
		benchmark[typicalOrder](b, r, params.Options{})
	})
}

type hostileTree struct {
	A    int            `json:"a" validate:"required"`
	Kids []hostileTree  `json:"kids" validate:"dive"`
	Next *hostileTree   `json:"next"`
	Map  map[string]int `json:"map" validate:"dive,max=1"`
}

// BenchmarkMembers has one body for the same three members as pointers, as Optionals, with
// defaults for what is absent, and with unknown keys rejected.
func BenchmarkMembers(b *testing.B) {
	r := request{body: `{"name":"Ada","age":36}`}
	type pointers struct {
		Name  *string `json:"name" validate:"omitempty,min=1,max=100"`
		Age   *int    `json:"age" validate:"omitempty,min=1"`
		Phone *string `json:"phone" validate:"omitempty,max=20"`
	}
	type optionals struct {
		Name  params.Optional[string]  `json:"name" validate:"min=1,max=100"`
		Age   params.Optional[int]     `json:"age" validate:"min=1"`
		Phone params.Optional[*string] `json:"phone" validate:"max=20"`
	}
	type defaults struct {
		Name  string `json:"name" validate:"min=1,max=100"`
		Age   int    `json:"age" validate:"min=1"`
		Phone string `json:"phone" default:"none" validate:"max=20"`
	}
	b.Run("pointers", func(b *testing.B) { benchmark[pointers](b, r, params.Options{}) })
	b.Run("pointers, rejecting", func(b *testing.B) { benchmark[pointers](b, r, params.Options{RejectUnknown: true}) })
	b.Run("optionals", func(b *testing.B) { benchmark[optionals](b, r, params.Options{}) })
	b.Run("defaults", func(b *testing.B) { benchmark[defaults](b, r, params.Options{}) })
}

type defaultTree struct {
	A  int    `json:"a" default:"7"`
	S  string `json:"s" default:"seven"`
	In struct {
		Host string `json:"host" default:"localhost"`
	} `json:"in"`
	Kids []defaultTree `json:"kids"`
}

// BenchmarkHostile has requests of 4 MiB that are made to be expensive. Each
// should take no more than a small multiple of its size: well below a second.
func BenchmarkHostile(b *testing.B) {
	const size = 4 << 20
	fill := func(text string) string { return strings.Repeat(text, size/len(text)) }
	for name, body := range map[string]string{
		"zeros":        `{"a":0,"kids":[` + fill(`{"a":0},`) + `{"a":0}]}`,
		"absent":       `{"a":0,"kids":[` + fill(`{},`) + `{}]}`,
		"one absent":   `{"kids":[` + fill(`{"a":0},`) + `{"a":0}]}`,
		"wrong type":   `{"a":"x","kids":[` + fill(`{"a":1},`) + `{"a":1}]}`,
		"unknown keys": `{"a":0,` + fill(`"b":0,`) + `"b":0}`,
		"same key":     `{` + fill(`"a":0,`) + `"a":0}`,
		"deep":         strings.Repeat(`{"next":`, 4000) + `{"kids":[` + fill(`{"a":0},`) + `{}]}` + strings.Repeat(`,"a":0}`, 4000),
		"map":          `{"a":0,"map":{` + numbered(size/14) + `"z":2}}`,
	} {
		b.Run(name, func(b *testing.B) { benchmark[hostileTree](b, request{body: body}, params.Options{}) })
	}
	type form struct {
		A []int    `form:"a"`
		B []string `form:"b" validate:"dive,min=1"`
	}
	for name, body := range map[string]string{
		"form repeated": fill("a=1&"), "form faults": fill("b=&"), "form bad": fill("a=x&"), "form unknown": fill("x&"),
	} {
		b.Run(name, func(b *testing.B) {
			benchmark[form](b, request{contentType: "application/x-www-form-urlencoded", body: body}, params.Options{})
		})
	}
	names := "x&"
	for i := range 99 {
		names += fmt.Sprintf("n%d&", i)
	}
	b.Run("form unknown and rejected", func(b *testing.B) {
		benchmark[form](b, request{contentType: "application/x-www-form-urlencoded", body: names + fill("x&")}, params.Options{RejectUnknown: true})
	})
	for name, body := range map[string]string{
		"unknown keys": `{"a":0,` + fill(`"b":0,`) + `"b":0}`, "unknown key in each": `{"a":0,"kids":[` + fill(`{"a":0,"b":0},`) + `{"a":0}]}`,
	} {
		b.Run(name+" and rejected", func(b *testing.B) {
			benchmark[hostileTree](b, request{body: body}, params.Options{RejectUnknown: true})
		})
	}
	for name, body := range map[string]string{"read": ``, "by the codec": `"kids":[],`} {
		b.Run("defaults "+name, func(b *testing.B) {
			benchmark[defaultTree](b, request{body: `{` + body + `"kids":[` + fill(`{},`) + `{"kids":[{}]}]}`}, params.Options{})
		})
	}
	type header struct {
		L []string `header:"X-L"`
		M string   `header:"X-M"`
	}
	b.Run("headers", func(b *testing.B) {
		var r request
		for range 10_000 {
			r.header = append(r.header, [2]string{"X-L", "v"})
		}
		benchmark[header](b, r, params.Options{})
	})
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%08d":1,`, i)
	}
	return b.String()
}

// BenchmarkItems shows how decoding grows with the length of a list.
func BenchmarkItems(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		body := `{"email":"ann@example.com","items":[` + strings.Repeat(`{"sku":"SKU-00001","qty":3},`, n-1) + `{"sku":"SKU-00001","qty":3}],"note":"none"}`
		b.Run(fmt.Sprintf("items=%d", n), func(b *testing.B) {
			benchmark[typicalOrder](b, request{body: body}, params.Options{})
		})
	}
}
