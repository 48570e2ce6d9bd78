package params

import (
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// query reads the query string as it was sent, or as middleware has set it with
// URI().SetQueryString. It does not see what middleware has changed in QueryArgs,
// fasthttp's parsed copy; Starlette's query_params does not see such changes either.
func (d *decoding) query(g *group) { d.pairs(Query, g, d.raw.URI().QueryString()) }

// pairs reads a query string or a urlencoded form, pair by pair. Most pairs have no
// escapes and are read where they lie; the others are decoded one at a time.
// fasthttp's Args would hold all pairs and keep their memory as long as the
// connection: a hundred times the size of a form that is made of the shortest pairs.
//
// A text is no upload, so a pair with the name of a file field is ignored.
func (d *decoding) pairs(in Source, g *group, text []byte) {
	var decoded *fasthttp.Args // nil until a pair has escapes
	for next := 0; len(text) > 0; {
		pair, equals, escaped := firstPair(text)
		text = text[min(len(pair)+1, len(text)):]
		name, value := pair[:equals], pair[min(equals+1, len(pair)):]
		if escaped {
			if decoded == nil {
				decoded = fasthttp.AcquireArgs()
			}
			name, value = decodePair(decoded, pair)
		}
		var p *param
		switch p, next = g.find(name, next); {
		case p == nil:
			d.unknown(in, name)
		case !p.file:
			d.store(p, memory.Text(value))
		}
	}
	if decoded != nil {
		fasthttp.ReleaseArgs(decoded)
	}
}

// firstPair returns the pair that a text begins with, where its name ends, and
// whether it has escapes.
func firstPair(text []byte) (pair []byte, equals int, escaped bool) {
	equals = len(text)
	for i, c := range text {
		switch {
		case c > '=': // as most letters are
		case c == '=':
			equals = min(equals, i)
		case c == '%' || c == '+':
			escaped = true
		case c == '&':
			return text[:i], min(equals, i), escaped
		}
	}
	return text, equals, escaped
}

// decodePair decodes one pair. The results are valid until args is used again.
func decodePair(args *fasthttp.Args, pair []byte) (name, value []byte) {
	args.ParseBytes(pair)
	for name, value = range args.All() {
	}
	return name, value
}
