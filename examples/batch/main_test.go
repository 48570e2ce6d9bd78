package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
)

func TestFiveAtOnce(t *testing.T) {
	var running, most atomic.Int64
	entered, leave := make(chan string), make(chan struct{})
	b := &batch{func(_ context.Context, item string) error {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		entered <- item
		<-leave
		return nil
	}}
	url := serve(t, newApp(b))

	var items []string
	for i := range 20 {
		items = append(items, fmt.Sprint("item ", i))
	}
	body, err := json.Marshal(items)
	require.NoError(t, err)

	seen := make(chan []string, 1)
	go func() {
		var all []string
		for range len(items) / 5 {
			for range 5 { // all five are in before one may leave
				all = append(all, <-entered)
			}
			for range 5 {
				leave <- struct{}{}
			}
		}
		seen <- all
	}()
	status, answer := post(t, url+"/batch-process", "application/json", string(body))
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"Processing 20 items"}`, answer)
	require.ElementsMatch(t, items, <-seen)
	require.EqualValues(t, 5, most.Load())
}

func TestAFailureIsNotToldToTheClient(t *testing.T) {
	var ran atomic.Int64
	b := &batch{func(_ context.Context, item string) error {
		ran.Add(1)
		if item == "b" {
			return errors.New("secret")
		}
		return nil
	}}
	url := serve(t, newApp(b))

	status, answer := post(t, url+"/batch-process", "application/json", `["a","b","c"]`)
	require.Equal(t, 500, status)
	require.NotContains(t, answer, "secret")
	require.EqualValues(t, 3, ran.Load(), "the other tasks run all the same")
}

func TestEmptyBatch(t *testing.T) {
	url := serve(t, newApp(&batch{logItem}))

	status, answer := post(t, url+"/batch-process", "application/json", `[]`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"message":"Processing 0 items"}`, answer)
}

// BenchmarkHundredTasks runs a hundred tasks of a millisecond, five at a time:
// 20 ms of waiting, and what is on top of that.
func BenchmarkHundredTasks(b *testing.B) {
	nap := func(context.Context, int) error {
		time.Sleep(time.Millisecond)
		return nil
	}
	for b.Loop() {
		tasks := background.Tasks{MaxConcurrent: 5}
		for i := range 100 {
			tasks.Add(background.NewTask(nap, i))
		}
		if err := tasks.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
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
