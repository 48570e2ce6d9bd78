package params

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A Validatable checks itself, where a rule of a tag can't: what several fields must be
// together, or what only a database knows. The type of an input may be one, and every type
// in a JSON body, wherever it is: a struct, a list, a text. Fields that are no body are not
// asked.
//
// Validate is called when the whole request keeps the rules of all tags, with the context of
// the handler, in its time. What is inside of a value is asked first, and a value only if
// all in it is right. A method of an embedded struct is called once, as the method of the
// struct around, if Go promotes it. What validate:"-" leaves out is not asked, nor a zero
// behind omitempty.
//
// It returns nil, or [Invalid] with the faults. Any other error is answered as one that the
// handler has returned: without a status of its own with 500. What a method changes by a
// pointer is changed for the handler, but not in the values of a map.
type Validatable interface {
	// Validate returns nil, [Invalid], or another error.
	Validate(ctx context.Context) error
}

// Invalid returns the error of a request with these faults, for a [Validatable], and for a
// handler that finds out later: answered with 422 and the faults. It returns nil without any.
//
//	return params.Invalid(params.Fault{Pointer: "/to", Code: "order", Detail: "must be later than from"})
//
// Pointer is a JSON pointer (RFC 6901). In a type of the body it leads from the value that
// is validated to the place: "" is the value itself. In an input, and from a handler, it
// leads there from the whole body, and a parameter is told by its Name; In may be left out
// by an input. A fault without a Code has the code "invalid", one without a Detail the text
// "is not valid".
func Invalid(faults ...Fault) error {
	if len(faults) == 0 {
		return nil
	}
	all := slices.Clone(faults)
	for i := range all {
		f := &all[i]
		f.Code, f.Detail = cmp.Or(f.Code, codeInvalid), cmp.Or(f.Detail, "is not valid")
		if f.Name == "" {
			f.In, f.Pointer = cmp.Or(f.In, Body), schema.JoinPointer("#", f.Pointer)
		}
	}
	return &Error{Status: fasthttp.StatusUnprocessableEntity, Detail: invalidDetail, Faults: all}
}

// codeInvalid is the code of a fault that has none.
const codeInvalid = "invalid"

// Validates reports whether [Plan.Validate] has anything to do: whether the input or a type in
// its body is a [Validatable].
func (p *Plan) Validates() bool { return p.validates }

// Validate calls the Validate methods of *input, which [Plan.Decode] has filled without an
// error, and of what is in its body. It returns an [*Error] with their faults, or what else
// the first of them has returned.
func (p *Plan) Validate(ctx context.Context, input any) error {
	base := p.pointer(input)
	var faults schema.Faults
	if b := p.body; b != nil {
		var err error
		like := schema.Fault{Order: b.order, In: rules.BodySource}
		if faults, err = schema.Validate(ctx, b.root, b.rules, base.At(b.offset), like, faultsOf); err != nil {
			return err
		}
	}
	if p.validatesInput && len(faults) == 0 {
		if of, ok := reflect.TypeAssert[Validatable](reflect.ValueOf(input)); ok {
			found, err := faultsOf(of.Validate(ctx))
			if err != nil {
				return err
			}
			for _, f := range found {
				faults.Add(p.place(f))
			}
		}
	}
	if len(faults) > 0 {
		return errorOf(faults)
	}
	return nil
}

// faultsOf returns the faults in an error, or the error if there are none in it, or if it
// has a status of its own.
func faultsOf(err error) (schema.Faults, error) {
	var faults schema.Faults
	for _, invalid := range errorsIn(err, nil) {
		if invalid.Status != fasthttp.StatusUnprocessableEntity {
			return nil, err
		}
		for _, f := range invalid.Faults {
			faults.Add(schema.Fault{In: string(f.In), Name: f.Name, Pointer: f.Pointer, Code: f.Code, Detail: f.Detail})
		}
	}
	if len(faults) == 0 {
		return nil, err
	}
	return faults, nil
}

// errorsIn appends the [Error]s in err, which may be several joined ones.
func errorsIn(err error, all []*Error) []*Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			all = errorsIn(one, all)
		}
		return all
	}
	if invalid, ok := errors.AsType[*Error](err); ok && invalid != nil {
		all = append(all, invalid)
	}
	return all
}

// place completes a fault that the input has found in itself.
func (p *Plan) place(f schema.Fault) schema.Fault {
	f.Order = len(p.params)
	for _, param := range p.params {
		if f.Name != "" && param.name == f.Name && (f.In == "" || f.In == string(param.in)) {
			f.Order, f.In = param.order, string(param.in)
			return f
		}
	}
	if f.In == rules.BodySource && p.body != nil {
		f.Order = p.body.order
	}
	return f
}

// validates notes which Validate methods there are to call.
func (c *compiler) validates() {
	p := c.plan
	wholeBody := p.body != nil && p.body.root.Type == p.input
	p.validatesInput = kind.IsValidatable(p.input) && !wholeBody
	p.validates = p.validatesInput || p.body != nil && p.body.root.Validates
}

func hiddenValidate(t reflect.Type) error {
	return fmt.Errorf("embeds a struct with a method Validate(context.Context) error, which %s does not have: declare one that calls it", t)
}
