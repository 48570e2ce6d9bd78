package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

func TestUserAction(t *testing.T) {
	var entries bytes.Buffer
	url := serve(t, newApp(&tracker{log.New(&entries, "", 0)}))

	status, answer := post(t, url+"/user-action?action=login&user_id=7", "", "")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"Action completed"}`, answer)

	// Both tasks ended before the answer was sent: nothing to wait for.
	lines := strings.Split(strings.TrimSpace(entries.String()), "\n")
	require.ElementsMatch(t, []string{"User 7 performed: login", "Analytics updated for: login"}, lines)
}

func TestWrongInputRunsNothing(t *testing.T) {
	var entries bytes.Buffer
	url := serve(t, newApp(&tracker{log.New(&entries, "", 0)}))

	status, answer := post(t, url+"/user-action?action=login&user_id=seven", "", "")
	require.Equal(t, 422, status)
	require.Contains(t, answer, fmt.Sprintf(`{"in":"query","name":"user_id","code":"type","detail":"must be an integer from %d to %d"}`, math.MinInt, math.MaxInt))
	require.Empty(t, entries.String())
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
