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

func TestSignup(t *testing.T) {
	var text bytes.Buffer
	before := log.Writer()
	log.SetOutput(&text)
	t.Cleanup(func() { log.SetOutput(before) })
	app := newApp()
	url := serve(t, app)

	status, answer := post(t, url+"/signups", "application/json", `{"email":"ada@example.org"}`)
	require.Equal(t, 201, status)
	require.JSONEq(t, `{"email":"ada@example.org"}`, answer)

	status, answer = post(t, url+"/signups", "application/json", `{"email":"ada"}`)
	require.Equal(t, 422, status)
	require.JSONEq(t, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"}]}`, answer)

	// A shutdown waits for the task.
	require.NoError(t, app.Shutdown(context.Background()))
	require.Contains(t, text.String(), "Welcome, ada@example.org\n")
	require.Equal(t, 1, strings.Count(text.String(), "Welcome"))
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
