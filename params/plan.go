package params

import (
	"fmt"
	"reflect"

	"github.com/go-playground/validator/v10"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// A Plan is an input type, compiled. It is immutable and safe for concurrent
// use.
type Plan struct {
	input       reflect.Type
	pointerType reflect.Type
	params      []*param // every field but the body, in order
	bySource
	body     *body // nil when the input has none
	files    []*param
	provided []Provided

	validatesInput bool // the input has a method Validate, and is not the body
	validates      bool // it has one, or something in the body
	isEmpty        bool
	rejectsUnknown bool    // see [Options.RejectUnknown]
	others         []*Plan // see [Plan.AlsoReadBy]
	readsQuery     bool

	validator *validator.Validate // to describe what is inside a body
}

// Input returns the type that the plan was compiled from.
func (p *Plan) Input() reflect.Type { return p.input }

// HasFiles reports whether the input has fields for uploads, so that
// [Plan.Release] may have something to do.
func (p *Plan) HasFiles() bool { return len(p.files) > 0 }

// Decode fills *input from the request, with the path parameters of [SetPath]. input
// is a pointer to a zero value of the plan's input type; Decode panics on another
// type. It fails with an [*Error]. It does not keep raw, and only reads it, except
// that it removes a Content-Encoding of identity from a multipart request.
//
// If the plan [Plan.HasFiles], the caller owns the open uploads after a Decode
// without error, and calls [Plan.Release] once they are no longer needed.
func (p *Plan) Decode(raw *fasthttp.RequestCtx, input any) error {
	return p.DecodeWith(raw, PathOf(raw), input)
}

// DecodeWith is [Plan.Decode] with path in place of the path parameters of
// [SetPath]. It only reads them and keeps nothing of them, so they may lie on the
// stack and in the request's memory. nil means none.
func (p *Plan) DecodeWith(raw *fasthttp.RequestCtx, path *PathValues, input any) error {
	d := decoding{plan: p, raw: raw}
	d.base = p.pointer(input) // in the literal, the compiler would build it elsewhere and copy it
	err := d.decode(path)
	if err != nil {
		p.release(d.base)
	}
	return err
}

// Release closes the uploads in *input, a value that [Plan.Decode] filled.
// Readers that are still open stay usable until they are closed. A second
// Release does nothing.
func (p *Plan) Release(input any) {
	p.release(p.pointer(input))
}

func (p *Plan) release(base memory.Pointer) {
	for _, f := range p.files {
		for _, file := range f.filesAt(base) {
			if file.upload != nil {
				file.upload.end()
			}
		}
	}
}

func (p *Plan) pointer(input any) memory.Pointer {
	if t := reflect.TypeOf(input); t != p.pointerType {
		given := "nil"
		if t != nil {
			given = kind.A(t)
		}
		panic(fmt.Sprintf("params: the plan of %s was given %s", p.input, given))
	}
	return memory.Of(reflect.ValueOf(input))
}

// IsEmpty reports whether the input takes nothing from the request, as struct{}
// does, so that [Plan.Decode] has nothing to do. An input that rejects what is unknown
// has to look at the query.
func (p *Plan) IsEmpty() bool { return p.isEmpty }
