package middleware

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// CORSOptions says which pages of other origins may read what a service answers.
type CORSOptions struct {
	// Origins are those of the pages, such as "https://shop.example", or "*" alone for
	// any. Each is compared as a whole.
	Origins []string

	// Credentials lets the pages send cookies, and read what is answered to them. With
	// "*" it panics: any page could read what a user may.
	Credentials bool

	// Headers are the fields that pages may send besides the simple ones; nil means
	// Authorization and Content-Type.
	Headers []string

	// Expose are the fields of answers that pages may read besides the simple ones.
	Expose []string

	// MaxAge is how long a browser may remember that it was allowed, in whole seconds; 0
	// means 10 minutes.
	MaxAge time.Duration
}

// CORS answers what browsers ask for pages of other origins (WHATWG Fetch, section 3.3).
// It may be used concurrently.
//
// With one origin the same is answered to all, as Fetch recommends: a browser compares it
// with that of its page, and caches need no Vary. With several each is answered its own.
type CORS struct {
	fixed       []byte  // what is said to all: an asterisk, or the one origin; nil for several
	origins     origins // where there are several
	credentials bool
	headers     []byte
	expose      []byte
	maxAge      []byte
}

// NewCORS returns a CORS. It panics when an origin could never match, and when any page
// would get the credentials of a user.
//
//	cors := middleware.NewCORS(middleware.CORSOptions{Origins: []string{"https://shop.example"}})
//	app := velithon.New(velithon.Options{OnRefused: cors.OnRefused})
//	app.Use(cors.Middleware)
func NewCORS(o CORSOptions) *CORS {
	c := &CORS{credentials: o.Credentials}
	switch {
	case len(o.Origins) == 0:
		panic("velithon: CORSOptions.Origins is empty: leave CORS out, or name the origins")
	case len(o.Origins) == 1 && o.Origins[0] == "*":
		if o.Credentials {
			panic(`velithon: CORSOptions: Credentials with the origin "*" would let any page act as the user: name the origins`)
		}
		c.fixed = []byte("*")
	default:
		c.origins = newOrigins("CORSOptions.Origins", o.Origins)
		if len(o.Origins) == 1 {
			c.fixed = []byte(o.Origins[0])
		}
	}
	if o.Headers == nil {
		o.Headers = []string{"Authorization", "Content-Type"}
	}
	c.headers, c.expose = fieldNames("Headers", o.Headers), fieldNames("Expose", o.Expose)
	if o.MaxAge < 0 {
		panic("velithon: CORSOptions.MaxAge is negative: use 0 for the default")
	}
	if o.MaxAge == 0 {
		o.MaxAge = 10 * time.Minute
	}
	c.maxAge = strconv.AppendInt(nil, int64(o.MaxAge/time.Second), 10)
	return c
}

// fieldNames returns a list as it is sent.
func fieldNames(option string, names []string) []byte {
	for _, name := range names {
		if !isToken([]byte(name)) {
			panic(fmt.Sprintf("velithon: CORSOptions.%s: %q is no name of a header field", option, name))
		}
	}
	return []byte(strings.Join(names, ", "))
}

var (
	hRequestMethod    = []byte("Access-Control-Request-Method")
	hAllowOrigin      = []byte("Access-Control-Allow-Origin")
	hAllowCredentials = []byte("Access-Control-Allow-Credentials")
	hAllowMethods     = []byte("Access-Control-Allow-Methods")
	hAllowHeaders     = []byte("Access-Control-Allow-Headers")
	hExposeHeaders    = []byte("Access-Control-Expose-Headers")
	hMaxAge           = []byte("Access-Control-Max-Age")

	textTrue       = []byte("true")
	varyPreflight  = []byte("Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
	longestMethods = 32
)

// Middleware belongs to the app, behind an access log and in front of what refuses
// requests. It answers preflights by itself, since they have no credentials: 204, also
// for paths and methods that no route has, of which the request then tells the page. All
// other requests go on, from whichever origin: what keeps a page from sending them is
// [CrossOriginProtection].
func (c *CORS) Middleware(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		if raw.IsOptions() {
			if method := raw.Request.Header.PeekCanonical(hRequestMethod); len(method) > 0 {
				c.preflight(raw, method)
				return
			}
		}
		defer func() { c.allow(raw, sentHeader(raw)) }() // also behind a panic, which the app answers
		next(raw)
	}
}

// OnRefused is for [github.com/velithon-go/velithon.Options]: without it a page can't
// read what the server itself has answered, such as that a body is too large.
func (c *CORS) OnRefused(raw *fasthttp.RequestCtx, _ *responses.Problem) {
	c.allow(raw, &raw.Response.Header)
}

// allow says that a page may read an answer, if it may.
func (c *CORS) allow(raw *fasthttp.RequestCtx, header *fasthttp.ResponseHeader) {
	if c.fixed == nil {
		vary(header, hOrigin) // a cache must not give one origin the answer of another
	}
	if c.allowOrigin(raw, header) && len(c.expose) > 0 {
		header.SetCanonical(hExposeHeaders, c.expose)
	}
}

func (c *CORS) allowOrigin(raw *fasthttp.RequestCtx, header *fasthttp.ResponseHeader) bool {
	allowed := c.fixed
	if allowed == nil {
		if allowed = c.origins[string(raw.Request.Header.PeekCanonical(hOrigin))]; allowed == nil {
			return false
		}
	}
	header.SetCanonical(hAllowOrigin, allowed)
	if c.credentials {
		header.SetCanonical(hAllowCredentials, textTrue)
	}
	return true
}

// preflight answers whether a page may send a request.
func (c *CORS) preflight(raw *fasthttp.RequestCtx, method []byte) {
	header := &raw.Response.Header
	raw.SetStatusCode(fasthttp.StatusNoContent)
	header.SetCanonical(hVary, varyPreflight)
	if len(method) > longestMethods || !isToken(method) || !c.allowOrigin(raw, header) {
		return
	}
	header.SetCanonical(hAllowMethods, method)
	if len(c.headers) > 0 {
		header.SetCanonical(hAllowHeaders, c.headers)
	}
	header.SetCanonical(hMaxAge, c.maxAge)
}

// isToken reports whether text is a token of RFC 9110, section 5.6.2.
func isToken(text []byte) bool {
	for _, c := range text {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return len(text) > 0
}
