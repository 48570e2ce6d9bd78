package params

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// query reads the query string. It is what was sent, or what a middleware has set
// by URI().SetQueryString: like Starlette's query_params, and unlike fasthttp's
// QueryArgs, it does not see what was changed after it was parsed.
//
// Most queries have no escapes, and are read where they lie. fasthttp's Args,
// which hold a copy of each name and value, read all others.
func (d *decoding) query(g *group) {
	text := d.raw.URI().QueryString()
	if bytes.IndexByte(text, '%') >= 0 || bytes.IndexByte(text, '+') >= 0 {
		args := fasthttp.AcquireArgs()
		defer fasthttp.ReleaseArgs(args)
		args.ParseBytes(text)
		d.args(g, args)
		return
	}
	for next := 0; len(text) > 0; {
		var pair []byte
		pair, text, _ = bytes.Cut(text, ampersand)
		name, value, _ := bytes.Cut(pair, equals)
		var p *param
		if p, next = g.find(name, next); p != nil {
			d.store(p, view(value))
		}
	}
}

var ampersand, equals = []byte("&"), []byte("=")
