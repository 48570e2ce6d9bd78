package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
)

func TestWebAndTwoWorkers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := open(ctx, path, durable.Options{StoreOnly: true})
	require.NoError(t, err)
	app, err := newApp(ctx, s, "secret")
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	address := "http://" + listener.Addr().String()

	status, _ := send(t, http.MethodPost, address+"/thumbnails", `{"url":"https://example.org/cat.jpg"}`, "")
	assert.Equal(t, 202, status)
	status, _ = send(t, http.MethodGet, address+"/jobs", "", "")
	assert.Equal(t, 401, status)
	status, _ = send(t, http.MethodGet, address+"/jobs", "", "wrong")
	assert.Equal(t, 401, status)
	status, page := send(t, http.MethodGet, address+"/jobs", "", "secret")
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "<html")
	status, list := send(t, http.MethodGet, address+"/jobs/api/jobs?state=available", "", "secret")
	assert.Equal(t, 200, status)
	assert.Contains(t, list, "make_thumbnail")

	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- work(ctx, path, time.Second) }()
	}
	require.Eventually(t, func() bool {
		kinds := make(map[string]bool)
		for info, err := range s.queue.Tasks(context.Background(), background.Succeeded) {
			require.NoError(t, err)
			kinds[info.Name] = true
		}
		return kinds["make_thumbnail"] && kinds["report"]
	}, 30*time.Second, 20*time.Millisecond)
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, <-served)
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	require.NoError(t, s.db.Close())
}

// send sends a request, as admin if there is a password.
func send(t *testing.T, method, url, body, password string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	if password != "" {
		request.SetBasicAuth("admin", password)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}
