package params

import (
	"cmp"
	"slices"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/bitset"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A decoding is one run of a plan. It lies on the stack of [Plan.DecodeWith].
type decoding struct {
	plan *Plan
	raw  *fasthttp.RequestCtx
	base memory.Pointer // the input

	seen   bitset.Set // params that were in the request
	bad    bitset.Set // params that have a fault already
	faults schema.Faults
}

func (d *decoding) decode(path *PathValues) error {
	p := d.plan
	// The body goes first: a request that can't be parsed is not examined
	// further.
	if p.body != nil {
		if err := d.decodeBody(p.body); err != nil {
			return err
		}
	}
	if len(p.path.params) > 0 {
		d.pathParams(path)
	}
	if p.readsQuery {
		d.query(&p.query)
	}
	if len(p.header.params) > 0 {
		d.headers()
	}
	if len(p.cookie.params) > 0 {
		d.cookies()
	}
	if len(p.form.params) > 0 {
		if err := d.form(); err != nil {
			return err
		}
	}
	for _, param := range p.params {
		d.finish(param)
	}
	return d.err()
}

// finish stores the default of a param, or checks its presence and rules, once all
// values are stored.
func (d *decoding) finish(p *param) {
	switch {
	case d.bad.Has(p.order):
	case d.seen.Has(p.order):
		if p.rules != nil {
			d.check(p)
		}
	case p.initial != nil:
		p.initial(d.at(p))
		if p.judge {
			d.check(p)
		}
	case p.required:
		d.fault(p, CodeRequired, "is required")
	case p.rules != nil:
		d.check(p)
	}
}

func (d *decoding) check(p *param) {
	at, parent := d.at(p), d.base.At(p.parent)
	if p.precheck == nil || p.precheck(at, parent) {
		return
	}
	if p.optional != nil && !p.isGiven(at) {
		if broken := p.rules.JudgeAbsent(p.typ, parent); broken != nil {
			d.bad.Add(p.order)
			d.faults.Add(schema.Fault{Order: p.order, In: string(p.in), Name: p.name, Code: broken.Code, Detail: broken.Detail, Broken: broken})
		}
		return
	}
	d.faults = schema.CheckParam(d.faults, schema.Fault{Order: p.order, In: string(p.in), Name: p.name}, p.rules, p.typ, at, parent)
}

// err returns what is wrong with the request, or nil.
func (d *decoding) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	return errorOf(d.faults)
}

// errorOf makes the error of faults, in the order of the input's fields.
func errorOf(faults schema.Faults) *Error {
	byOrder := func(a, b schema.Fault) int { return cmp.Compare(a.Order, b.Order) }
	if !slices.IsSortedFunc(faults, byOrder) {
		slices.SortStableFunc(faults, byOrder)
	}
	n := min(len(faults), MaxFaults)
	e := &Error{Status: fasthttp.StatusUnprocessableEntity, Detail: invalidDetail, Faults: make([]Fault, n), found: faults}
	if len(faults) > MaxFaults {
		e.Detail = "the request has more invalid or missing values than are listed"
	}
	for i := range n {
		f := &faults[i]
		e.Faults[i] = Fault{In: Source(f.In), Name: f.Name, Pointer: f.Pointer, Code: f.Code, Detail: f.Detail}
	}
	return e
}

const invalidDetail = "the request has invalid or missing values"

func (d *decoding) at(p *param) memory.Pointer { return d.base.At(p.offset) }

func (d *decoding) fault(p *param, code, detail string) {
	d.bad.Add(p.order)
	d.faults.Add(schema.Fault{
		Order: p.order, In: string(p.in), Name: p.name, Code: code, Detail: detail,
		Broken: &rules.Broken{Code: code, Detail: detail, Rule: code, Type: p.typ},
	})
}

// store converts and stores one value; text may lie in the request's memory.
func (d *decoding) store(p *param, text string) {
	if d.bad.Has(p.order) {
		return
	}
	if d.seen.Has(p.order) && !p.many {
		d.fault(p, CodeDuplicate, "must be given once")
		return
	}
	err := p.set(d.at(p), text)
	if err != nil && text == "" && p.in == Form {
		return // a browser sends this for a field that is left empty
	}
	d.seen.Add(p.order)
	if err != nil {
		code := CodeType
		if c, ok := err.(*conversionError); ok { //nolint:errorlint // setters return it bare
			code = c.code
		}
		d.fault(p, code, err.Error())
	}
}
