package web

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
)

// stdServer is a [Server] on net/http.
type stdServer struct {
	handler http.Handler
	server  http.Server
}

func newStdServer(handler http.Handler) *stdServer {
	return &stdServer{handler: handler, server: http.Server{Handler: handler}}
}

func (s *stdServer) Serve(listener net.Listener) error {
	if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *stdServer) Close() error { return s.server.Close() }

func (s *stdServer) NewCall(r Request) Call {
	request := httptest.NewRequestWithContext(context.Background(), r.Method, r.Target, strings.NewReader(r.Body))
	request.Header.Set("Accept", "*/*")
	c := &stdCall{handler: s.handler, body: []byte(r.Body)}
	request.Body = http.NoBody
	if r.Body != "" {
		request.Header.Set("Content-Type", contentTypeJSON)
		request.Body = &c.reader
	}
	c.fresh = *request
	c.recorder.header = make(http.Header)
	return c
}

type stdCall struct {
	handler  http.Handler
	fresh    http.Request
	request  http.Request
	body     []byte
	reader   body
	recorder recorder
}

// Do reuses request and recorder, for which the server of net/http allocates
// anew: reading and writing are not the handler's work.
func (c *stdCall) Do() {
	c.request = c.fresh
	c.reader.Reset(c.body)
	c.recorder.reset()
	c.handler.ServeHTTP(&c.recorder, &c.request)
}

func (c *stdCall) Response() (int, []byte) { return c.recorder.status, c.recorder.body }

type body struct{ bytes.Reader }

func (*body) Close() error { return nil }

// recorder is a http.ResponseWriter that can be used again.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) reset() {
	clear(r.header)
	r.status, r.body = 0, r.body[:0]
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, p...)
	return len(p), nil
}

// WriteString is there because net/http's own writer has it.
func (r *recorder) WriteString(s string) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, s...)
	return len(s), nil
}
