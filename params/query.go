package params

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// query reads the query string. It is what was sent, or what a middleware has set
// by URI().SetQueryString: like Starlette's query_params, and unlike fasthttp's
// QueryArgs, it does not see what was changed after it was parsed.
func (d *decoding) query(g *group) { d.pairs(g, d.raw.URI().QueryString()) }

// pairs reads a query string or an urlencoded form, pair by pair: most have no
// escapes and are read where they lie, and the others are decoded one at a time.
// fasthttp's Args would hold all of them, in a hundred times the memory where a
// form is made of the shortest pairs, and keep it as long as the connection.
//
// A text is no upload, so one under the name of a file leaves the file absent.
func (d *decoding) pairs(g *group, text []byte) {
	var decoded *fasthttp.Args // nil when no pair has escapes
	if hasEscape(text) {
		decoded = fasthttp.AcquireArgs()
		defer fasthttp.ReleaseArgs(decoded)
	}
	for next := 0; len(text) > 0; {
		var pair []byte
		pair, text, _ = bytes.Cut(text, ampersand)
		name, value, _ := bytes.Cut(pair, equals)
		if decoded != nil && hasEscape(pair) {
			name, value = decodePair(decoded, pair)
		}
		var p *param
		if p, next = g.find(name, next); p != nil && !p.file {
			d.store(p, view(value))
		}
	}
}

// decodePair returns the one pair that there is.
func decodePair(args *fasthttp.Args, pair []byte) (name, value []byte) {
	args.ParseBytes(pair)
	for name, value = range args.All() {
	}
	return name, value
}

func hasEscape(text []byte) bool {
	return bytes.IndexByte(text, '%') >= 0 || bytes.IndexByte(text, '+') >= 0
}

var ampersand, equals = []byte("&"), []byte("=")
