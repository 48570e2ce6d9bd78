package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

func TestOperationCompleted(t *testing.T) {
	var entries bytes.Buffer
	url := serve(t, newApp(&service{log.New(&entries, "", 0)}))

	status, answer := post(t, url+"/risky-operation?data=x", "", "")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"Operation completed"}`, answer)
	require.Equal(t, "Processing: x\nProcessed: x\n", entries.String())
}

func TestTaskFailed(t *testing.T) {
	for _, target := range []string{"/risky-operation?data=", "/risky-operation"} {
		var entries bytes.Buffer
		url := serve(t, newApp(&service{log.New(&entries, "", 0)}))

		status, answer := post(t, url+target, "", "")
		require.Equal(t, 422, status)
		require.JSONEq(t, `{"error":"Background task failed"}`, answer)
		require.Equal(t, `background: task "process": data cannot be empty
background: 1 task never ran: "announce"
`, entries.String())
	}
}

func TestStatusOfOtherErrors(t *testing.T) {
	require.Equal(t, 500, statusOf(io.ErrUnexpectedEOF))
}

// serve runs app on a free port until the test ends, and returns its URL.
func serve(t *testing.T, app *velithon.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}

// post sends body and returns the status and the body of the answer.
func post(t *testing.T, url, contentType, body string) (status int, answer string) {
	t.Helper()
	response, err := http.Post(url, contentType, strings.NewReader(body))
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections() // a shutdown would wait for another request
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}
