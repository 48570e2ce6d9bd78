package wire_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/benchmarks/wire"
)

func TestClientReadsBothFramings(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			w.Header().Set("Trailer", "X-End")
			defer w.Header().Set("X-End", "yes")
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(strings.Repeat("x", 5000)))
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })

	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	client := wire.NewClient(conn)
	for _, path := range []string{"/chunked", "/plain", "/chunked"} {
		response, err := client.Do(wire.Request("POST", path, "text/plain", "hello"))
		require.NoError(t, err, path)
		assert.Equal(t, http.StatusTeapot, response.Status, path)
		assert.Len(t, response.Body, 5000, path)
	}
}
