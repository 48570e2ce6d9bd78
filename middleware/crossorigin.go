package middleware

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

var errCrossOrigin = responses.NewProblem(fasthttp.StatusForbidden, "a page of another origin has sent this request")

var (
	siteSame = []byte("same-origin")
	siteNone = []byte("none") // the user has, by the address bar or a bookmark
	slashes  = []byte("://")
)

// CrossOriginProtection refuses with 403 what pages of other origins have a browser send
// with the cookies of its user (CSRF), as that of net/http does. trusted are origins whose
// pages may, such as "https://shop.example".
//
// GET, HEAD and OPTIONS pass: handlers of these must change nothing. Of other requests the
// browser says in Sec-Fetch-Site where they come from (W3C Fetch Metadata); those from
// before 2023 say in Origin, which is compared with the host of the request. So a proxy has
// to pass Host on, or the origin be in trusted. Requests that have neither field are from no
// browser, and pass: there is nobody to deceive.
//
// It panics when an origin could never match.
func CrossOriginProtection(trusted ...string) routing.Middleware {
	known := NewOrigins("CrossOriginProtection", trusted...)
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if !isSafe(raw) && !known.Allow(raw) {
				responses.WriteProblem(raw, errCrossOrigin)
				return
			}
			next(raw)
		}
	}
}

func isSafe(raw *fasthttp.RequestCtx) bool { return raw.IsGet() || raw.IsHead() || raw.IsOptions() }

func isCrossOrigin(raw *fasthttp.RequestCtx, trusted origins) bool {
	header := &raw.Request.Header
	site := header.PeekCanonical(hSecFetchSite)
	if bytes.Equal(site, siteSame) || bytes.Equal(site, siteNone) {
		return false
	}
	origin := header.PeekCanonical(hOrigin)
	if _, ok := trusted[string(origin)]; ok {
		return false
	}
	if len(site) > 0 { // cross-site, same-site, or what a later browser says
		return true
	}
	if len(origin) == 0 {
		return false
	}
	// The whole rest is compared, and not what a parser takes for the host: a user in
	// front of it would get through then.
	_, host, ok := bytes.Cut(origin, slashes)
	return !ok || !bytes.EqualFold(host, raw.Host())
}
