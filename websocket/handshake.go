package websocket

import (
	"encoding/base64"

	wire "github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// version is the only one of the protocol.
const version = "13"

func problem(status int, detail string, header responses.Header) *responses.Problem {
	p := responses.NewProblem(status, detail)
	p.Header = header
	return p
}

// What a handshake is refused with (RFC 6455, sections 4.2.1 and 4.4; RFC 9110, section
// 15.5.22).
var (
	errNoUpgrade = problem(fasthttp.StatusUpgradeRequired, "this is a WebSocket: connect by its protocol",
		responses.Header{"Upgrade": {"websocket"}})
	errVersion = problem(fasthttp.StatusUpgradeRequired, "the version of the WebSocket protocol is not 13, see Sec-WebSocket-Version",
		responses.Header{"Upgrade": {"websocket"}, "Sec-WebSocket-Version": {version}})
	errHTTP   = problem(fasthttp.StatusBadRequest, "a WebSocket needs HTTP/1.1", nil)
	errKey    = problem(fasthttp.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64", nil)
	errOrigin = problem(fasthttp.StatusForbidden, "a page of another origin has sent this request", nil)
	errFull   = problem(fasthttp.StatusServiceUnavailable, "there are as many connections as there may be: try again later",
		responses.Header{"Retry-After": {"5"}})
)

// refusal returns why a request can't become a WebSocket, nil if it can.
func (s *Socket[In, Out]) refusal(raw *fasthttp.RequestCtx) error {
	header := &raw.Request.Header
	switch {
	case !raw.IsGet() || !wire.FastHTTPIsWebSocketUpgrade(raw):
		raw.Response.Header.Set("Connection", "Upgrade")
		return errNoUpgrade
	case !header.IsHTTP11() || header.ConnectionClose():
		return errHTTP
	case string(header.Peek("Sec-Websocket-Version")) != version:
		raw.Response.Header.Set("Connection", "Upgrade")
		return errVersion
	case !isKey(header.PeekAll("Sec-Websocket-Key")):
		return errKey
	case !s.origins.Allow(raw):
		return errOrigin
	}
	return nil
}

// isKey reports whether the fields have the key of a handshake: one, of 16 bytes in base64.
func isKey(fields [][]byte) bool {
	const text = 24 // for 16 bytes
	if len(fields) != 1 || len(fields[0]) != text {
		return false
	}
	var key [text]byte
	n, err := base64.StdEncoding.Decode(key[:], fields[0])
	return err == nil && n == 16
}
