package dashboard

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

var errNotHere = responses.NewProblem(fasthttp.StatusForbidden,
	"this page has no guard, so it is served to a browser on the machine itself only, as http://localhost, and not by a proxy "+
		"(with curl: -H 'Connection: keep-alive'): see docs/dashboard.md")

// policy is the Content-Security-Policy of all pages: what they need is their own, and no
// script, style or frame of anybody else has a place in them.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// header returns the fields of a page. With "no-referrer" a browser would send its own
// forms with the origin null.
func (p *page) header() responses.Header {
	return responses.Header{
		"Cache-Control":                {"no-store"},
		"Content-Security-Policy":      {policy},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"same-origin"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
	}
}

// guarded lets a request in that may see the page.
func guarded[In any](p *page, handle func(context.Context, In, string) (responses.Response, error)) func(context.Context, In, string) (responses.Response, error) {
	return func(ctx context.Context, in In, who string) (responses.Response, error) {
		if err := p.lets(ctx); err != nil {
			return nil, err
		}
		return handle(ctx, in, who)
	}
}

func (p *page) lets(ctx context.Context) error {
	if !p.open {
		return nil
	}
	raw, err := routing.RequestCtx(ctx)
	if err != nil {
		return err
	}
	if !isFromHere(raw) {
		return errNotHere
	}
	return nil
}

// ofProxies are the beginnings of the names of fields that only proxies set.
var ofProxies = []string{
	"Forwarded", "Via", "X-Forwarded", "X-Original-", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip",
	"X-Scheme", "X-Envoy-", "X-Amzn-", "Cf-", "Cdn-Loop", "Fastly-",
}

// isFromHere reports whether a request was made on this machine by somebody who has typed
// that. Its connection comes from there, no field tells of a proxy, and the host is one that
// leads here: a page that a browser has loaded of another host, whose name leads here by
// now, names that. The origin has to lead here, too, if there is one: a service whose CORS
// lets pages of all others read does not mean this one. And browsers say that they keep the
// connection, which is between them and whom they are connected to (RFC 9110, section 7.6.1):
// a proxy that sets no field and names its host, as nginx does if nobody has told it
// otherwise, does not pass that on.
func isFromHere(raw *fasthttp.RequestCtx) bool {
	tcp, ok := raw.RemoteAddr().(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() || !raw.Request.Header.IsHTTP11() ||
		!strings.EqualFold(string(raw.Request.Header.Peek("Connection")), "keep-alive") {
		return false
	}
	for name := range raw.Request.Header.All() {
		if slices.ContainsFunc(ofProxies, func(p string) bool { return len(name) >= len(p) && strings.EqualFold(string(name[:len(p)]), p) }) {
			return false
		}
	}
	if origin := raw.Request.Header.Peek("Origin"); origin != nil {
		if _, host, ok := strings.Cut(string(origin), "://"); !ok || !isHere(host) {
			return false
		}
	}
	return isHere(string(raw.Host()))
}

// isHere reports whether a host, with or without a port, is a name of the machine itself.
func isHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// actor returns who makes a request.
func (p *page) actor(ctx context.Context) string {
	if p.options.Actor != nil {
		return p.options.Actor(ctx)
	}
	if raw, err := routing.RequestCtx(ctx); err == nil {
		if tcp, ok := raw.RemoteAddr().(*net.TCPAddr); ok {
			return tcp.IP.String()
		}
	}
	return "unknown" // such as whoever comes by a Unix socket
}
