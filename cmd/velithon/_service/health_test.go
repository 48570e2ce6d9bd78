package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestHealth(t *testing.T) {
	kit := start(t, nil)
	require.Equal(t, 200, velithontest.Get[any](kit, "/livez").Status)
	require.Equal(t, 200, velithontest.Get[any](kit, "/readyz").Status)
}

func TestHealthIsAsked(t *testing.T) {
	healthy := serveStatus(t, 200)
	_, port, _ := strings.Cut(healthy, ":")
	for _, addr := range []string{healthy, ":" + port, "0.0.0.0:" + port, "[::]:" + port} {
		require.NoError(t, run(config{addr: addr, health: true}), addr)
	}
	require.EqualError(t, run(config{addr: serveStatus(t, 500), health: true}), "GET /livez answers 500 Internal Server Error")
	require.Error(t, run(config{addr: "127.0.0.1:0", health: true}), "nothing listens there")
}

// serveStatus returns the address of a server that answers /livez with a status.
func serveStatus(t *testing.T, status int) (addr string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
