package middleware_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
)

// requestFrom is a request that comes over a connection from an address.
func requestFrom(address net.Addr, field string, lines ...string) *fasthttp.RequestCtx {
	raw := new(fasthttp.RequestCtx)
	raw.SetRemoteAddr(address)
	for _, line := range lines {
		raw.Request.Header.Add(field, line)
	}
	return raw
}

func tcp(text string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)) }

func TestClientAddress(t *testing.T) {
	proxies := middleware.NewProxies("X-Forwarded-For", "10.0.0.0/8", "192.0.2.7", "fd00::/8", "::ffff:127.0.0.1")
	for _, test := range []struct {
		peer, want string
		lines      []string
	}{
		{"203.0.113.9:1", "203.0.113.9", nil},
		{"203.0.113.9:1", "203.0.113.9", []string{"1.1.1.1"}}, // which is no proxy, so it lies
		{"10.0.0.1:1", "10.0.0.1", nil},
		{"10.0.0.1:1", "203.0.113.9", []string{"203.0.113.9"}},
		{"[::ffff:10.0.0.1]:1", "203.0.113.9", []string{"203.0.113.9"}},
		{"127.0.0.1:1", "203.0.113.9", []string{"203.0.113.9"}},
		{"192.0.2.7:1", "203.0.113.9", []string{"203.0.113.9"}},
		{"192.0.2.8:1", "192.0.2.8", []string{"203.0.113.9"}},
		{"[fd00::1%eth0]:1", "2001:db8::1", []string{"2001:db8::1"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"1.1.1.1, 203.0.113.9"}}, // the client has written the first
		{"10.0.0.1:1", "203.0.113.9", []string{"1.1.1.1 ,203.0.113.9,10.0.0.2,  10.1.1.1"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"1.1.1.1", "203.0.113.9, 10.0.0.3", "10.0.0.2"}}, // lines are one list
		{"10.0.0.1:1", "10.0.0.3", []string{"10.0.0.3, 10.0.0.2"}},                              // a client inside
		{"10.0.0.1:1", "10.0.0.2", []string{"1.1.1.1, unknown, 10.0.0.2"}},
		{"10.0.0.1:1", "10.0.0.1", []string{"203.0.113.9, "}},
		{"10.0.0.1:1", "10.0.0.1", []string{"203.0.113.9,"}},
		{"10.0.0.1:1", "203.0.113.9", []string{",203.0.113.9"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"203.0.113.9:4711"}},
		{"10.0.0.1:1", "2001:db8::1", []string{"[2001:db8::1]:4711"}},
		{"10.0.0.1:1", "2001:db8::1", []string{"[2001:db8::1]"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"::ffff:203.0.113.9"}},
		{"10.0.0.1:1", "10.0.0.1", []string{"for=203.0.113.9"}},
		{"10.0.0.1:1", "10.0.0.1", []string{"010.0.0.9"}}, // octal or not?
		{"10.0.0.1:1", "10.0.0.1", []string{strings.Repeat("1", 7000)}},
		{"10.0.0.1:1", "10.9.9.9", []string{strings.Repeat("10.9.9.9,", 700) + "10.9.9.9"}},
	} {
		raw := requestFrom(tcp(test.peer), "X-Forwarded-For", test.lines...)
		require.Equal(t, test.want, proxies.Client(raw).String(), "%s %.80v", test.peer, test.lines)
	}
	unix := requestFrom(&net.UnixAddr{Name: "@", Net: "unix"}, "X-Forwarded-For", "203.0.113.9")
	require.False(t, proxies.Client(unix).IsValid())
}

// Another field than the one that is named says nothing.
func TestClientAddressOfOneField(t *testing.T) {
	proxies := middleware.NewProxies("x-real-ip", "10.0.0.0/8")
	raw := requestFrom(tcp("10.0.0.1:1"), "X-Forwarded-For", "1.1.1.1")
	require.Equal(t, "10.0.0.1", proxies.Client(raw).String())
	raw.Request.Header.Set("X-Real-IP", "203.0.113.9")
	require.Equal(t, "203.0.113.9", proxies.Client(raw).String())
}

func TestClientAddressIsProvided(t *testing.T) {
	app := newApp()
	app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) { raw.SetRemoteAddr(tcp("10.0.0.1:1")); next(raw) }
	})
	routing.Provide(app.Router, middleware.NewProxies("X-Forwarded-For", "10.0.0.0/8").Provide)
	app.Handle("GET", "/", routing.NewEndpoint(func(_ context.Context, in struct {
		Client middleware.ClientAddress `provide:""`
	},
	) (string, error) {
		return in.Client.String(), nil
	}))
	_, body := serve(t, app).do("GET", "/", "X-Forwarded-For: 203.0.113.9")
	require.Equal(t, `"203.0.113.9"`, body)
}

func TestMistakesWithProxies(t *testing.T) {
	for want, f := range map[string]func(){
		"no networks are given: a service without proxies needs none of this":                             func() { middleware.NewProxies("X-Forwarded-For") },
		`"Forwarded" is no field with addresses: want one such as X-Forwarded-For`:                        func() { middleware.NewProxies("Forwarded", "::1") },
		`"X A" is no field with addresses: want one such as X-Forwarded-For`:                              func() { middleware.NewProxies("X A", "::1") },
		`"10.0.0.0/40" is no network: want one such as 10.0.0.0/8, or an address`:                         func() { middleware.NewProxies("X-Forwarded-For", "10.0.0.0/40") },
		`"proxy" is no network: want one such as 10.0.0.0/8, or an address`:                               func() { middleware.NewProxies("X-Forwarded-For", "proxy") },
		`"fe80::1%eth0" is no network: want one such as 10.0.0.0/8, or an address`:                        func() { middleware.NewProxies("X-Forwarded-For", "fe80::1%eth0") },
		`"0.0.0.0/0" has every address, so clients could choose theirs: name the networks of the proxies`: func() { middleware.NewProxies("X-Forwarded-For", "::1", "0.0.0.0/0") },
	} {
		require.Equal(t, "velithon: NewProxies: "+want, panicOf(f))
	}
}
