package serve_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An odd message is one that RFC 9112 allows, however seldom it is seen.
type odd struct {
	name   string
	send   string
	sees   string // what the handler sees
	closes bool   // the connection ends with it
}

var odds = []odd{
	{name: "empty lines before a request", send: "\r\n\r\n\r\n" + get + "\r\n", sees: "GET /"},
	{name: "an absolute target", send: "GET http://test/a?b HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET http://test/a?b"},
	{name: "an absolute target and another Host", send: "GET http://other/a HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET http://other/a"},
	{name: "an absolute target without a path", send: "GET http://test HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET http://test"},
	{name: "an absolute target with a query and no path", send: "GET http://test?a=/b HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET http://test?a=/b"},
	{name: "an absolute target with a port", send: "GET HTTPS://test:443/a HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET HTTPS://test:443/a"},
	{name: "an absolute target with an address", send: "GET http://[::1]:80/a HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET http://[::1]:80/a"},
	{name: "a URL in a query", send: "GET /?next=http://test/a HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET /?next=http://test/a"},
	{name: "an asterisk", send: "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", sees: "OPTIONS *"},
	{name: "an authority", send: "CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n", sees: "CONNECT test:443"},
	{name: "an empty query", send: "GET /? HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET /?"},
	{name: "question marks in a query", send: "GET /?a?b? HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET /?a?b?"},
	{name: "an encoded backslash", send: "GET /a%5Cc HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET /a%5Cc"},
	{name: "a colon in a segment", send: "GET /a:b;c=d,e HTTP/1.1\r\nHost: test\r\n\r\n", sees: "GET /a:b;c=d,e"},
	{name: "a method of one's own", send: "BREW / HTTP/1.1\r\nHost: test\r\n\r\n", sees: "BREW /"},
	{name: "a method in lower case", send: "get / HTTP/1.1\r\nHost: test\r\n\r\n", sees: "get /"},
	{name: "a method of odd characters", send: "!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: test\r\n\r\n", sees: "!#$%&'*+-.^_`|~ /"},
	{name: "HTTP/1.0", send: "GET / HTTP/1.0\r\n\r\n", sees: "GET /", closes: true},
	{name: "HTTP/1.0 that is kept alive", send: "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", sees: "GET /"},
	{name: "HTTP/1.0 with a body", send: "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", sees: "POST /", closes: true},
	{name: "HTTP/1.0 with an expectation", send: "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", sees: "POST /", closes: true},
	{name: "a last request", send: get + "Connection: close\r\n\r\n", sees: "GET /", closes: true},
	{name: "a last request among other options", send: get + "Connection: keep-alive, CLOSE\r\n\r\n", sees: "GET /", closes: true},
	{name: "a last request with a body", send: post + "Connection: close\r\nContent-Length: 3\r\n\r\nabc", sees: "POST /", closes: true},
	{name: "a Host with a port", send: "GET / HTTP/1.1\r\nHost: test:8080\r\n\r\n", sees: "GET /"},
	{name: "a Host with an empty port", send: "GET / HTTP/1.1\r\nHost: test:\r\n\r\n", sees: "GET /"},
	{name: "a Host in capitals", send: "GET / HTTP/1.1\r\nhOsT:TEST\r\n\r\n", sees: "GET /"},
	{name: "a Host with an address", send: "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", sees: "GET /"},
	{name: "a Host that is encoded", send: "GET / HTTP/1.1\r\nHost: b%C3%BCcher\r\n\r\n", sees: "GET /"},
	{name: "an empty value", send: get + "X:\r\n\r\n", sees: "GET /"},
	{name: "blanks around a value", send: get + "X: \t y \t \r\n\r\n", sees: "GET /"},
	{name: "colons in a value", send: get + "X::y: z\r\n\r\n", sees: "GET /"},
	{name: "a value that is not ASCII", send: get + "X: \xff\xc3\xbc\r\n\r\n", sees: "GET /"},
	{name: "a name of odd characters", send: get + "!#$%&'*+-.^_`|~: y\r\n\r\n", sees: "GET /"},
	{name: "an unknown connection option", send: get + "Connection: x-cow\r\n\r\n", sees: "GET /"},
	{name: "an underscore in a name that looks like another", send: post + "Transfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", sees: "POST /"},
	{name: "a coding that the client accepts", send: get + "TE: trailers, chunked\r\n\r\n", sees: "GET /"},
	{name: "a length with zeros before it", send: post + "Content-Length: 0003\r\n\r\nabc", sees: "POST /"},
	{name: "a length of zero", send: post + "Content-Length: 0\r\n\r\n", sees: "POST /"},
	{name: "no length", send: post + "\r\n", sees: "POST /"},
	{name: "a body of a GET", send: get + "Content-Length: 3\r\n\r\nabc", sees: "GET /"},
	{name: "a body of a GET in chunks", send: get + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", sees: "GET /"},
	{name: "a body that is a request", send: post + "Content-Length: " + itoa(len(second)) + "\r\n\r\n" + second, sees: "POST /"},
	{name: "a body in chunks that is a request", send: chunked(fmt.Sprintf("%x\r\n", len(second)) + second + "\r\n0\r\n\r\n"), sees: "POST /"},
	{name: "chunks", send: chunked("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), sees: "POST /"},
	{name: "no chunk but the last", send: chunked("0\r\n\r\n"), sees: "POST /"},
	{name: "chunks in capitals", send: post + "TRANSFER-ENCODING: CHUNKED\r\n\r\nA\r\nabcdefghij\r\n0\r\n\r\n", sees: "POST /"},
	{name: "sizes with zeros before them", send: chunked("003\r\nabc\r\n000\r\n\r\n"), sees: "POST /"},
	{name: "extensions", send: chunked("3;a;b=c;d=\"e;f\"\r\nabc\r\n0;g\r\n\r\n"), sees: "POST /"},
	{name: "trailers", send: chunked("0\r\nX: y\r\nZ:\r\n\r\n"), sees: "POST /"},
	{name: "trailers that were announced", send: post + "Trailer: X, Z\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", sees: "POST /"},
	{name: "an expectation", send: post + "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc", sees: "POST /"},
	{name: "an expectation without a body", send: get + "Expect: 100-continue\r\n\r\n", sees: "GET /"},
	{name: "an unknown expectation", send: get + "Expect: a cow\r\n\r\n", sees: "GET /"},
	{name: "an upgrade to HTTP/2", send: get + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", sees: "GET /"},
	{name: "an upgrade to a web socket", send: get + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", sees: "GET /"},
}

func TestOddMessagesAreAnswered(t *testing.T) {
	server, seen := newHostileServer(io.Discard)
	address := server.onSocket(t)
	for _, o := range odds {
		t.Run(o.name, func(t *testing.T) {
			before := len(seen.all())
			statuses := exchange(t, address, o.send+second, true)
			sees := []string{o.sees}
			if o.closes {
				assert.Equal(t, []int{200}, statuses)
			} else {
				assert.Equal(t, []int{200, 200}, statuses, "and the connection goes on")
				sees = append(sees, "GET /second")
			}
			assert.Equal(t, sees, seen.all()[before:])
		})
	}
}
