package serve_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/serve"
)

// routeLimit is the body limit of /larger, above the size up to which a body in
// chunks has room made.
const routeLimit = 17 << 20

// largerRoute is the config of a handler with such a route.
func largerRoute(header *fasthttp.RequestHeader) (config fasthttp.RequestConfig) {
	if string(header.RequestURI()) == "/larger" {
		config.MaxRequestBodySize = routeLimit
	}
	return config
}

// Bodies of any size and form arrive as they were sent, behind others on the same
// connection, in room that was used before; and those above the limit do not.
func TestBodiesArriveAsTheyWereSent(t *testing.T) {
	const small = 64 << 10
	for _, test := range []struct {
		path  string
		limit int
		sizes []int
	}{
		{"/", bodyLimit, []int{1000, small + 1, bodyLimit, small, 1, 0, bodyLimit - 1}},
		{"/larger", routeLimit, []int{1, routeLimit, bodyLimit + 1, routeLimit - 1}},
	} {
		t.Run(test.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var arrived []byte
				server := newServer(serve.Options{}, &handler{config: largerRoute, answer: func(raw *fasthttp.RequestCtx) {
					arrived = raw.Request.Body() // of a request to which the test has no answer yet
				}}).inMemory(t)
				conn := server.dial(t)
				answers := bufio.NewReader(conn)
				for i, size := range test.sizes {
					body := bytes.Repeat([]byte{byte('a' + i), byte(i), '\r', '\n'}, size/4+1)[:size]
					for _, chunks := range []int{0, 1, 7} {
						_, err := conn.Write(withBody(test.path, body, chunks))
						require.NoError(t, err)
						response, _ := receive(t, answers)
						require.Equal(t, 200, response.StatusCode)
						require.True(t, bytes.Equal(body, arrived), "%d bytes in %d chunks", size, chunks)
					}
				}
				for _, chunks := range []int{0, 1, 7} {
					conn := server.dial(t)
					go func() { _, _ = conn.Write(withBody(test.path, make([]byte, test.limit+1), chunks)) }()
					response, _ := receive(t, bufio.NewReader(conn))
					assert.Equal(t, 413, response.StatusCode, chunks)
				}
			})
		})
	}
}

// withBody returns a POST of a body in so many chunks, or with its length for 0.
func withBody(path string, body []byte, chunks int) []byte {
	header := "POST " + path + " HTTP/1.1\r\nHost: test\r\n"
	if chunks == 0 {
		return append(fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n", header, len(body)), body...)
	}
	message := []byte(header + "Transfer-Encoding: chunked\r\n\r\n")
	for part := range slices.Chunk(body, len(body)/chunks+1) {
		message = fmt.Appendf(message, "%x\r\n%s\r\n", len(part), part)
	}
	return append(message, "0\r\n\r\n"...)
}

// The room of a body in chunks is another request's at once, and what arrived in it
// stays with its own.
func TestRoomIsOfOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
			body := raw.Request.Body()
			<-proceed
			raw.SetBody(body)
		}}).inMemory(t)
		var conns []net.Conn
		for _, letter := range "abcdefghij" {
			conn := server.dial(t)
			_, err := conn.Write(withBody("/", bytes.Repeat([]byte(string(letter)), 10), 2))
			require.NoError(t, err)
			synctest.Wait() // until the handler has it
			conns = append(conns, conn)
		}
		close(proceed)
		for i, letter := range "abcdefghij" {
			_, body := receive(t, bufio.NewReader(conns[i]))
			assert.Equal(t, strings.Repeat(string(letter), 10), body)
		}
	})
}
