//go:build unix

package routing_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// serveTCP serves on a real socket, since no other can be watched, and returns a
// connection to it.
func serveTCP(t *testing.T, handler fasthttp.RequestHandler) *net.TCPConn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	server := &fasthttp.Server{Handler: handler, Logger: silence{}}
	go func() { served <- server.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		require.NoError(t, server.Shutdown())
		require.NoError(t, <-served)
	})
	return conn.(*net.TCPConn)
}

const getRoot = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestAClientThatGoesCancelsTheHandler(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	r.Get("/", func(ctx context.Context, _ struct{}) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}, routing.CancelOnDisconnect())
	conn := serveTCP(t, routing.Build(r).ServeRequest)
	_, err := io.WriteString(conn, getRoot)
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, 499, response.StatusCode)
	record := book.next(t)
	assert.Contains(t, record, "level=INFO")
	assert.Contains(t, record, "the client went away before it was answered")
}

func TestAClientIsLookedAtLessOftenWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		routing.Watch(func() bool {
			at = append(at, time.Since(begin)/time.Millisecond)
			return len(at) < 9
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, []time.Duration{20, 60, 140, 300, 620, 1260, 2260, 3260, 4260}, at, "milliseconds")
	})
}

func TestAClientThatStaysDoesNot(t *testing.T) {
	r := newRouter(t)
	r.Get("/", func(ctx context.Context, _ struct{}) (*responses.StreamResponse, error) {
		return responses.Stream("", func(w *responses.StreamWriter) error {
			_, err := w.WriteString("whole")
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}), nil
	}, routing.CancelOnDisconnect())
	conn := serveTCP(t, routing.Build(r).ServeRequest)
	reader := bufio.NewReader(conn)
	for range 3 { // on the same connection
		_, err := io.WriteString(conn, getRoot)
		require.NoError(t, err)
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, "whole", string(body))
	}
}

// A client that goes cancels providers, too.
func TestAClientThatGoesCancelsProviders(t *testing.T) {
	book := newLogBook()
	r := newLoggedRouter(t, book)
	routing.Provide(r, func(ctx context.Context, _ struct{}) (user, error) {
		<-ctx.Done()
		return user{}, ctx.Err()
	})
	r.Handle("GET", "/", routing.NewEndpoint(who), routing.CancelOnDisconnect())
	conn := serveTCP(t, routing.Build(r).ServeRequest)
	_, err := io.WriteString(conn, getRoot)
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, 499, response.StatusCode)
	assert.Contains(t, book.next(t), "the client went away before it was answered")
}
