package params

import (
	"strings"

	"github.com/valyala/fasthttp"
)

// MaxPathParams is how many parameters the pattern of a route may have.
const MaxPathParams = 16

// PathValues are the path parameters of one request, by where they stand in its
// path. They have no pointers into themselves, and [Plan.DecodeWith] keeps none,
// so that a router can have them on its stack.
type PathValues struct {
	Names []string // of the pattern's parameters, from left to right
	Path  string   // percent-decoded

	spans [MaxPathParams]pathSpan
	n     int
}

type pathSpan struct{ start, end int32 }

// Add adds the place of the next parameter in Path. Optional parameters that are
// absent have none, so these are the last ones. At most [MaxPathParams] can be
// added.
func (p *PathValues) Add(start, end int) {
	p.spans[p.n] = pathSpan{int32(start), int32(end)} // a path is in a header, so it is short
	p.n++
}

// Len returns how many parameters have a place.
func (p *PathValues) Len() int { return p.n }

// Truncate removes all places but the first n.
func (p *PathValues) Truncate(n int) { p.n = n }

// Get returns the value of a parameter, and whether there is one. It may be called
// on nil, which has none.
func (p *PathValues) Get(name string) (value string, ok bool) {
	if p == nil {
		return "", false
	}
	for i, at := range p.spans[:p.n] {
		if p.Names[i] == name {
			return p.Path[at.start:at.end], true
		}
	}
	return "", false
}

type pathKey struct{}

// SetPath gives a request a copy of its path parameters, in place of those that it
// had. They are one user value with a key of its own: a value that middleware sets
// under the name of a parameter is not taken for the parameter, and not hidden by
// it.
func SetPath(raw *fasthttp.RequestCtx, path *PathValues) {
	kept := *path
	kept.Path = strings.Clone(path.Path)
	raw.SetUserValue(pathKey{}, &kept)
}

// PathOf returns the path parameters of a request, nil when it has none.
func PathOf(raw *fasthttp.RequestCtx) *PathValues {
	p, _ := raw.UserValue(pathKey{}).(*PathValues)
	return p
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
