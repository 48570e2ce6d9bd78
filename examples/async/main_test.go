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
	"github.com/velithon-go/velithon/background"
)

// newProcessor returns a processor that is done when second is sent to or
// closed, and says on waiting that it waits.
func newProcessor(out io.Writer) (p *processor, waiting chan time.Duration, second chan time.Time) {
	waiting, second = make(chan time.Duration, 1), make(chan time.Time)
	after := func(d time.Duration) <-chan time.Time {
		waiting <- d
		return second
	}
	return &processor{log.New(out, "", 0), after}, waiting, second
}

func TestAnswerDoesNotWaitForTheTask(t *testing.T) {
	var entries bytes.Buffer
	p, waiting, second := newProcessor(&entries)
	app := newApp(p)
	url := serve(t, app)

	status, answer := post(t, url+"/process", "application/json", `{"id":7}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"Processing started"}`, answer)

	// The answer is here, and the task waits for its second.
	require.Equal(t, time.Second, <-waiting)
	response, err := http.Get(url + "/load")
	require.NoError(t, err)
	defer response.Body.Close()
	busy, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"running":1,"waiting":0}`, string(busy))

	second <- time.Time{} // only a running task takes it
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, app.Shutdown(context.Background()))
	require.Equal(t, "Processed data: map[id:7]\n", entries.String())
}

func TestShutdownWithoutTimeLeft(t *testing.T) {
	var entries bytes.Buffer
	p, waiting, _ := newProcessor(&entries)
	app := newApp(p)
	url := serve(t, app)
	status, _ := post(t, url+"/process", "application/json", `{"id":7}`)
	require.Equal(t, 200, status)
	<-waiting

	ctx, cancel := context.WithCancel(context.Background())
	cancel() // there is no time at all
	err := app.Shutdown(ctx)

	var unfinished *background.DrainError
	require.ErrorAs(t, err, &unfinished)
	require.Equal(t, []string{"process data"}, unfinished.Running)

	// The task was told by its context. It ends, and has done nothing.
	require.ErrorAs(t, app.Shutdown(context.Background()), &unfinished)
	require.Equal(t, []string{"process data"}, unfinished.Stopped)
	require.Empty(t, entries.String())
}

func TestBodyMustBeAnObject(t *testing.T) {
	p, _, _ := newProcessor(io.Discard)
	url := serve(t, newApp(p))

	status, answer := post(t, url+"/process", "application/json", `[1,2]`)
	require.Equal(t, 422, status)
	require.Contains(t, answer, `{"in":"body","pointer":"#","code":"type","detail":"must be an object"}`)
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
		_ = app.Shutdown(ctx) // what it returns is for the tests that are about it
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
