package middleware_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
)

func TestMount(t *testing.T) {
	next := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Add("X-Many", "a")
		w.Header().Add("X-Many", "b")
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("X-A"), body, routing.RequestID(r.Context()))
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("told to") })
	mux.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "line\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	app := newApp()
	app.Use(middleware.SecurityHeaders(nil))
	middleware.Mount(app.Group("/old"), http.StripPrefix("/old", mux), routing.BodyLimit(100))
	s := serve(t, app)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		response, body := s.send(method, "/old/a%20b?c=d", "text", "X-A: 1", "X-Request-Id: a-1")
		require.Equal(t, 202, response.StatusCode)
		require.Equal(t, method+" /a%20b?c=d 1 text a-1", body)
		require.Equal(t, []string{"a", "b"}, response.Header["X-Many"])
		require.Equal(t, "a-1", response.Header.Get("X-Request-Id"))
		require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	}
	response, body := s.do("HEAD", "/old/")
	require.Equal(t, 202, response.StatusCode)
	require.Empty(t, body)
	response, _ = s.do("GET", "/old/panic")
	require.Equal(t, 500, response.StatusCode)
	response, _ = s.send("POST", "/old/x", strings.Repeat("b", 101))
	require.Equal(t, 413, response.StatusCode)
	response, _ = s.do("GET", "/older")
	require.Equal(t, 404, response.StatusCode)

	response, err := s.client.Get("http://test/old/stream")
	require.NoError(t, err)
	lines := bufio.NewReader(response.Body)
	for range 3 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "line\n", line, "sent before the next one is made")
		next <- struct{}{}
	}
	require.NoError(t, response.Body.Close())
}

func TestMistakesWithMount(t *testing.T) {
	app := newApp()
	require.Equal(t, "velithon: Mount: the handler is nil", panicOf(func() { middleware.Mount(app.Router, nil) }))
	require.NoError(t, app.Shutdown(context.Background()))
}
