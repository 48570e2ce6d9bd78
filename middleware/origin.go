package middleware

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
)

// Origins are those whose pages may have a browser send a request with the cookies of its
// user: that of the host which the request is sent to, and others that are trusted. The zero
// value trusts no others.
type Origins struct{ trusted origins }

// NewOrigins trusts origins such as "https://shop.example", besides that of the request's own
// host. It panics where one could never match, and names the option then.
func NewOrigins(option string, trusted ...string) Origins {
	return Origins{newOrigins(option, trusted)}
}

// Allow reports whether the page that a request comes from is of one of the origins, or
// whether it comes from no page. See [CrossOriginProtection] for how that is known. It may be
// called by many goroutines at once.
func (o Origins) Allow(raw *fasthttp.RequestCtx) bool { return !isCrossOrigin(raw, o.trusted) }

// origins is a set of origins as browsers send them (RFC 6454, section 6.2), each with
// its bytes.
type origins map[string][]byte

// newOrigins panics where a text is no origin that a browser would send.
func newOrigins(option string, list []string) origins {
	o := make(origins)
	for _, text := range list {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" || u.Host == "" || text != u.Scheme+"://"+u.Host || text != strings.ToLower(text) ||
			strings.ContainsFunc(u.Host, func(r rune) bool { return strings.ContainsRune("*, ", r) || r > '~' }) ||
			strings.HasSuffix(u.Host, ":") || strings.HasPrefix(u.Port(), "0") ||
			u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
			panic(fmt.Sprintf("velithon: %s: %q is no origin that a browser sends: want scheme://host or scheme://host:port, in lower case of ASCII, without a path, a wildcard and the scheme's own port", option, text))
		}
		o[text] = []byte(text)
	}
	return o
}
