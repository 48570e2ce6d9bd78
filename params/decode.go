package params

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/bitset"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A decoding is one run of a plan. It lives on the stack of [Plan.Decode].
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
	if len(p.query.params) > 0 {
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

// finish settles a param after all values were stored: default, presence,
// rules.
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
	d.faults = schema.CheckParam(d.faults, schema.Fault{Order: p.order, In: string(p.in), Name: p.name}, p.rules, p.typ, at, parent)
}

// err returns what is wrong with the request, or nil.
func (d *decoding) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	byOrder := func(a, b schema.Fault) int { return cmp.Compare(a.Order, b.Order) }
	if !slices.IsSortedFunc(d.faults, byOrder) {
		slices.SortStableFunc(d.faults, byOrder)
	}
	n := min(len(d.faults), MaxFaults)
	e := &Error{Status: fasthttp.StatusUnprocessableEntity, Detail: "the request has invalid or missing values", Faults: make([]Fault, n)}
	if len(d.faults) > MaxFaults {
		e.Detail = "the request has more invalid or missing values than are listed"
	}
	for i := range n {
		f := &d.faults[i]
		e.Faults[i] = Fault{In: Source(f.In), Name: f.Name, Pointer: f.Pointer, Code: f.Code, Detail: f.Detail}
	}
	return e
}

func (d *decoding) at(p *param) memory.Pointer { return d.base.At(p.offset) }

func (d *decoding) fault(p *param, code, detail string) {
	d.bad.Add(p.order)
	d.faults.Add(schema.Fault{Order: p.order, In: string(p.in), Name: p.name, Code: code, Detail: detail})
}

// store converts one value of a param; text may lie in the request's memory.
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
		return // a browser has no other way to send nothing
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

// pathParams stores what the router found. It takes path from hand to hand, since
// what d points to is allocated.
func (d *decoding) pathParams(path *PathValues) {
	for _, p := range d.plan.path.params {
		if value, ok := path.Get(p.name); ok { // or else an optional segment
			d.store(p, value)
		}
	}
}

// headers reads the header fields. One that stands on several lines is the list
// of what they have (RFC 9110, 5.3): a field of one value gets it in one text,
// if that converts. So nothing is lost of an X-Forwarded-For to which a proxy has
// added a line, and no line counts more than another.
func (d *decoding) headers() {
	for _, p := range d.plan.header.params {
		values := d.raw.Request.Header.PeekAll(p.name)
		if len(values) > 1 && !p.many {
			d.seen.Add(p.order)
			if err := p.set(d.at(p), string(bytes.Join(values, []byte(", ")))); err != nil {
				d.fault(p, CodeDuplicate, "must be given once")
			}
			continue
		}
		for _, value := range values {
			d.store(p, memory.Text(value))
		}
	}
}

// cookies reads the cookies. Of several with one name the first counts for a
// field of one value: browsers send one for each path and domain that they have
// it from, that with the longest path first (RFC 6265, 5.4), and a client can't
// help it.
func (d *decoding) cookies() {
	pos := 0
	for key, value := range d.raw.Request.Header.Cookies() {
		var p *param
		if p, pos = d.plan.cookie.find(key, pos); p != nil && (p.many || !d.seen.Has(p.order)) {
			d.store(p, memory.Text(value))
		}
	}
}

// isEncoded reports whether a body has a Content-Encoding. Identity is none, as
// the client should not say (RFC 9110, 8.4.1) and some do.
func isEncoded(header *fasthttp.RequestHeader) bool {
	encoding := header.ContentEncoding()
	return len(encoding) > 0 && !strings.EqualFold(memory.Text(bytes.TrimSpace(encoding)), "identity")
}

// hasMediaType reports whether a Content-Type field names the media type,
// whatever its parameters and case.
func hasMediaType(contentType []byte, mediaType string) bool {
	if i := bytes.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	return strings.EqualFold(memory.Text(bytes.TrimSpace(contentType)), mediaType)
}
