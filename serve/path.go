package serve

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// isPlainPath reports whether a path was sent as it is: fasthttp makes a path
// shorter when it decodes it, or takes segments out.
func isPlainPath(uri *fasthttp.URI) bool {
	path := uri.Path()
	return len(path) == len(uri.PathOriginal()) && bytes.IndexByte(path, '%') < 0
}

// pathFault returns what is wrong with a path that is not plain, and nothing
// when it is in order. All that looks at a request, here and in a proxy, has to
// agree on its segments:
//
//   - fasthttp decodes %2F to a slash like any other, so it would separate
//     segments for middleware, and for handlers be part of a value;
//   - it takes out dots and empty segments, as many others do, and many do not;
//   - it leaves a percent sign without two digits as it is.
func pathFault(uri *fasthttp.URI) string {
	sent := uri.PathOriginal()
	if len(sent) == 0 || sent[0] != '/' { // an asterisk, or the authority of a CONNECT
		return ""
	}
	decoded := len(sent)
	for rest := sent; ; {
		i := bytes.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if len(rest) < 2 || !isHex(rest[0]) || !isHex(rest[1]) {
			return "the path has an invalid percent-encoding"
		}
		if rest[0] == '2' && rest[1]|0x20 == 'f' {
			return "the path has an encoded slash"
		}
		decoded -= 2
	}
	if len(uri.Path()) != decoded {
		return "the path has a segment that is empty or made of dots"
	}
	return ""
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
