package middleware

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/routing"
)

// Proxies are those in front of a service that tell it the addresses of its clients. They
// may be used concurrently, and cost a request nothing that does not ask.
type Proxies struct {
	field    []byte
	networks []netip.Prefix
}

// NewProxies returns the proxies in some networks, such as "10.0.0.0/8" or "::1", which
// write the client's address into a field of the header: X-Forwarded-For, to which each adds
// the address that it has the request from, or one such as X-Real-IP, which the last one
// sets. It panics on what is no network, on one that has every address, and on the field
// Forwarded, whose form is another one.
//
//	proxies := middleware.NewProxies("X-Forwarded-For", "10.0.0.0/8")
func NewProxies(field string, networks ...string) *Proxies {
	if !isToken([]byte(field)) || strings.EqualFold(field, "Forwarded") {
		panic(fmt.Sprintf("velithon: NewProxies: %q is no field with addresses: want one such as X-Forwarded-For", field))
	}
	p := &Proxies{field: fasthttp.AppendNormalizedHeaderKey(nil, field)}
	if len(networks) == 0 {
		panic("velithon: NewProxies: no networks are given: a service without proxies needs none of this")
	}
	for _, text := range networks {
		prefix, err := netip.ParsePrefix(text)
		if address, alone := netip.ParseAddr(text); alone == nil && address.Zone() == "" {
			prefix, err = address.Unmap().Prefix(address.Unmap().BitLen())
		}
		if err != nil || prefix.Addr().Is4In6() {
			panic(fmt.Sprintf("velithon: NewProxies: %q is no network: want one such as 10.0.0.0/8, or an address", text))
		}
		if prefix.Bits() == 0 {
			panic(fmt.Sprintf("velithon: NewProxies: %q has every address, so clients could choose theirs: name the networks of the proxies", text))
		}
		p.networks = append(p.networks, prefix.Masked())
	}
	return p
}

// Client returns the address that a request comes from: the last one on its way that does
// not belong to a proxy. Where all do it is the first, and what stands in front of something
// that is no address counts for nothing. A request that no proxy has sent has that of its
// connection, whatever it says. The address is not valid where the connection has none, as
// with a Unix socket.
func (p *Proxies) Client(raw *fasthttp.RequestCtx) netip.Addr {
	peer := peerOf(raw)
	if !p.has(peer) {
		return peer
	}
	client := peer
	for _, line := range slices.Backward(raw.Request.Header.PeekAll(string(p.field))) {
		for len(line) > 0 {
			var hop []byte
			if comma := bytes.LastIndexByte(line, ','); comma >= 0 {
				line, hop = line[:comma], line[comma+1:]
			} else {
				line, hop = nil, line
			}
			address := parseHop(hop)
			if !address.IsValid() {
				return client
			}
			if client = address; !p.has(client) {
				return client
			}
		}
	}
	return client
}

// A ClientAddress is where a request comes from: see [Proxies.Client].
type ClientAddress struct{ netip.Addr }

// Provide is for [routing.Provide]: a handler with a field of the type [ClientAddress] has it.
//
//	routing.Provide(app.Router, proxies.Provide)
func (p *Proxies) Provide(ctx context.Context, _ struct{}) (ClientAddress, error) {
	raw, err := routing.RequestCtx(ctx)
	if err != nil {
		return ClientAddress{}, err
	}
	return ClientAddress{p.Client(raw)}, nil
}

func (p *Proxies) has(address netip.Addr) bool {
	return slices.ContainsFunc(p.networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

func peerOf(raw *fasthttp.RequestCtx) netip.Addr {
	tcp, ok := raw.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// parseHop reads an address, with or without a port: some proxies write one.
func parseHop(hop []byte) netip.Addr {
	text := string(bytes.Trim(hop, " \t"))
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}
