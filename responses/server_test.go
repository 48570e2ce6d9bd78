package responses_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/velithon-go/velithon/responses"
)

// answer writes what a router would: the response, or a problem in its place.
func answer(raw *fasthttp.RequestCtx, response responses.Response) error {
	err := response.Write(raw)
	if err != nil {
		if err := responses.ProblemFor(err).Write(raw); err != nil {
			raw.Error("problem not written", fasthttp.StatusInternalServerError)
		}
	}
	return err
}

// quiet drops what fasthttp logs of the connections that tests break.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// serve runs a server on listener until the test ends, and waits for it.
func serve(t *testing.T, listener net.Listener, handler fasthttp.RequestHandler) {
	t.Helper()
	server := &fasthttp.Server{Handler: handler, Logger: quiet{}, NoDefaultServerHeader: true, NoDefaultDate: true}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		assert.NoError(t, server.Shutdown())
		assert.NoError(t, <-served)
	})
}

// listen returns a listener on a real socket.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func dial(t *testing.T, listener net.Listener) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(30*time.Second)))
	return connection
}

// exchange sends request to a server that answers with response, and returns all
// bytes of its answer and the error of Write.
func exchange(t *testing.T, response responses.Response, request string) (string, error) {
	t.Helper()
	var wrote error
	sent := exchangeWith(t, func(raw *fasthttp.RequestCtx) { wrote = answer(raw, response) }, request)
	return sent, wrote
}

// exchangeWith serves one connection, which ends with the answer to request.
func exchangeWith(t *testing.T, handler fasthttp.RequestHandler, request string) string {
	t.Helper()
	server := &fasthttp.Server{Handler: handler, Logger: quiet{}, NoDefaultServerHeader: true, NoDefaultDate: true}
	pipe := fasthttputil.NewPipeConns()
	client := pipe.Conn1()
	defer client.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.ServeConn(pipe.Conn2()) // an aborted response is an error here
		_ = pipe.Conn2().Close()
	}()
	_, err := io.WriteString(client, request)
	require.NoError(t, err)
	sent, err := io.ReadAll(client)
	require.NoError(t, err)
	<-served
	return string(sent)
}

// get is a GET request with further header lines, on a connection of its own.
func get(lines ...string) string { return request("GET", lines...) }

func request(method string, lines ...string) string {
	lines = append(lines, "Connection: close")
	return method + " / HTTP/1.1\r\nHost: shop\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// message joins the lines of a header and the body that follows them.
func message(body string, lines ...string) string {
	return strings.Join(lines, "\r\n") + "\r\nConnection: close\r\n\r\n" + body
}

// parse reads sent as an HTTP client does.
func parse(t *testing.T, sent string) *fasthttp.Response {
	t.Helper()
	response := new(fasthttp.Response)
	require.NoError(t, response.Read(bufio.NewReader(strings.NewReader(sent))), "%q", sent)
	return response
}
