package params

import (
	"strings"

	"github.com/valyala/fasthttp"
)

// MaxPathParams is how many parameters the pattern of a route may have.
const MaxPathParams = 16

// PathValues holds the path parameters of one request, as positions in its path.
// It has no pointers into itself, and [Plan.DecodeWith] keeps no pointer to it, so
// a router can have it on the stack.
type PathValues struct {
	Names []string // of the pattern's parameters, from left to right
	Path  string   // percent-decoded

	spans [MaxPathParams]pathSpan
	n     int
}

type pathSpan struct{ start, end int32 }

// Add adds the next parameter, whose value is Path[start:end]. Optional parameters
// that are absent are not added, so they must be the last ones. Add panics when
// there are [MaxPathParams] already.
func (p *PathValues) Add(start, end int) {
	p.spans[p.n] = pathSpan{int32(start), int32(end)} // the path is part of the header, so it is short
	p.n++
}

// Len returns how many parameters were added.
func (p *PathValues) Len() int { return p.n }

// Truncate removes all parameters but the first n.
func (p *PathValues) Truncate(n int) { p.n = n }

// Get returns the value of a parameter, which is a part of Path, and whether there
// is one. A nil PathValues has no parameters.
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

// SetPath stores a copy of the path parameters in a request, in place of those that
// it had. The copy shares Names. It is one user value with a key of its own, so a
// user value that middleware sets under the name of a parameter neither replaces
// the parameter nor is hidden by it.
func SetPath(raw *fasthttp.RequestCtx, path *PathValues) {
	kept := *path
	kept.Path = strings.Clone(path.Path)
	raw.SetUserValue(pathKey{}, &kept)
}

// PathOf returns the path parameters that [SetPath] stored in a request, or nil.
func PathOf(raw *fasthttp.RequestCtx) *PathValues {
	p, _ := raw.UserValue(pathKey{}).(*PathValues)
	return p
}

// pathParams stores the values that the router found. path is an argument and not
// a field of d, since what d points to is allocated on the heap.
func (d *decoding) pathParams(path *PathValues) {
	for _, p := range d.plan.path.params {
		if value, ok := path.Get(p.name); ok { // otherwise an optional parameter is absent
			d.store(p, value)
		}
	}
}
