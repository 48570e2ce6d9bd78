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

func TestSendNotification(t *testing.T) {
	var mails bytes.Buffer
	app := newApp(&notifier{log.New(&mails, "", 0)})
	url := serve(t, app)

	status, answer := post(t, url+"/send-notification?email=ada@example.org&message=Hello", "", "")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"Notification queued"}`, answer)

	// A shutdown waits for the task.
	require.NoError(t, app.Shutdown(context.Background()))
	require.Equal(t, "Sending email to ada@example.org: Hello\n", mails.String())
}

func TestWrongInputSendsNothing(t *testing.T) {
	var mails bytes.Buffer
	app := newApp(&notifier{log.New(&mails, "", 0)})
	url := serve(t, app)

	status, answer := post(t, url+"/send-notification?email=ada", "", "")
	require.Equal(t, 422, status)
	require.JSONEq(t, `{
		"title": "Unprocessable Entity",
		"status": 422,
		"detail": "the request has invalid or missing values",
		"errors": [
			{"in": "query", "name": "email", "code": "email", "detail": "must be an e-mail address"},
			{"in": "query", "name": "message", "code": "required", "detail": "is required"}
		]
	}`, answer)

	require.NoError(t, app.Shutdown(context.Background()))
	require.Empty(t, mails.String())
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
