package params

import "github.com/valyala/fasthttp"

// PathValues are the path parameters of one request. A router sets them with
// [SetPath], and [Plan.Decode] reads them. They are one user value with a key of
// its own: a value that middleware sets under the name of a parameter is not
// taken for the parameter, and not hidden by it.
type PathValues struct {
	names  []string
	values []string
	few    [2]string // room for the values of most routes
}

type pathKey struct{}

// SetPath gives a request the path parameters of its route, in place of those
// that it had. names are those of the pattern, from left to right, and are kept;
// add their values to what SetPath returns. Without a value is an optional
// parameter that is absent, so these are the last ones.
func SetPath(raw *fasthttp.RequestCtx, names []string) *PathValues {
	p := &PathValues{names: names}
	p.values = p.few[:0]
	raw.SetUserValue(pathKey{}, p)
	return p
}

// PathOf returns the path parameters of a request, nil when it has none; Get may
// be called on that.
func PathOf(raw *fasthttp.RequestCtx) *PathValues {
	p, _ := raw.UserValue(pathKey{}).(*PathValues)
	return p
}

// Add adds the value of the next parameter. It is percent-decoded, and kept.
func (p *PathValues) Add(value string) { p.values = append(p.values, value) }

// Get returns the value of a parameter, and whether there is one.
func (p *PathValues) Get(name string) (value string, ok bool) {
	if p == nil {
		return "", false
	}
	for i, value := range p.values {
		if p.names[i] == name {
			return value, true
		}
	}
	return "", false
}
