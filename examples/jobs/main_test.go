package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// months is a month of a report each time somebody says so.
type months chan struct{}

func (m months) make(ctx context.Context, _, _ int) error {
	select {
	case <-m:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func TestAReportIsFollowed(t *testing.T) {
	months := make(months)
	s := newService(months.make)
	url := serve(t, s)
	id := create(t, url)
	follower := do(t, "GET", url+"/jobs/"+id+"/events", "")
	require.Equal(t, "text/event-stream", follower.Header.Get("Content-Type"))
	events := bufio.NewScanner(follower.Body)
	last := func(want progress) (j job) {
		for {
			j = next(t, events)
			if j.Progress != nil && j.Progress.(map[string]any)["month"] == float64(want.Month) {
				return j
			}
		}
	}
	for month := range 12 {
		require.Equal(t, background.Running, last(progress{month + 1}).State)
		require.JSONEq(t, `{"id":"`+id+`","state":"running","progress":{"month":`+number(month+1)+`}}`, body(t, do(t, "GET", url+"/jobs/"+id, "")))
		months <- struct{}{}
	}
	for j := last(progress{12}); j.State != background.Succeeded; j = next(t, events) {
		require.Equal(t, background.Running, j.State)
	}
	require.False(t, events.Scan() && events.Text() != "", "the stream ends with the job")
	require.NoError(t, follower.Body.Close())
	require.Contains(t, body(t, do(t, "GET", url+"/jobs/"+id, "")), `"state":"succeeded"`)

	response := do(t, "DELETE", url+"/jobs/"+id, "")
	require.Equal(t, 409, response.StatusCode)
	body(t, response)
}

func TestAReportIsCancelled(t *testing.T) {
	s := newService(make(months).make)
	url := serve(t, s)
	running := create(t, url)
	create(t, url)
	limited := create(t, url)
	require.Contains(t, body(t, do(t, "GET", url+"/jobs/"+limited, "")), `"state":"`)
	for _, id := range []string{running, limited} {
		response := do(t, "DELETE", url+"/jobs/"+id, "")
		require.Equal(t, 204, response.StatusCode)
		body(t, response)
		handle, ok := s.app.Runner().Lookup(id)
		require.True(t, ok)
		require.ErrorIs(t, handle.Wait(t.Context()), errUnwelcome)
		require.Contains(t, body(t, do(t, "GET", url+"/jobs/"+id, "")), `"state":"canceled"`)
	}
	for info := range s.app.Runner().Tasks() {
		require.Equal(t, "report", info.Name)
		handle, ok := s.app.Runner().Lookup(info.ID)
		require.True(t, ok)
		handle.Cancel(nil)
		require.ErrorIs(t, handle.Wait(t.Context()), background.ErrCanceled)
	}
}

func TestWrongRequests(t *testing.T) {
	url := serve(t, newService(make(months).make))
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/reports", `{"year":1}`, 422},
		{"GET", "/jobs/nothing", "", 404},
		{"GET", "/jobs/nothing/events", "", 404},
		{"DELETE", "/jobs/nothing", "", 404},
	} {
		response := do(t, test.method, url+test.path, test.body)
		require.Equal(t, test.status, response.StatusCode, test.path)
		body(t, response)
	}
}

// create orders a report, and returns the id of its job.
func create(t *testing.T, url string) string {
	t.Helper()
	response := do(t, "POST", url+"/reports", `{"year":2026}`)
	require.Equal(t, 202, response.StatusCode)
	var j job
	require.NoError(t, json.Unmarshal([]byte(body(t, response)), &j))
	require.Equal(t, "/jobs/"+j.ID, response.Header.Get("Location"))
	return j.ID
}

func number(n int) string { return strconv.Itoa(n) }

// next returns what the next event tells.
func next(t *testing.T, events *bufio.Scanner) (j job) {
	t.Helper()
	for events.Scan() {
		if data, ok := strings.CutPrefix(events.Text(), "data: "); ok {
			require.NoError(t, json.Unmarshal([]byte(data), &j))
			return j
		}
	}
	require.Fail(t, "the stream has ended")
	return j
}

func serve(t *testing.T, s *service) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, s.app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}

func do(t *testing.T, method, url, body string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(http.DefaultClient.CloseIdleConnections) // a shutdown would wait for another request
	return response
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(content)
}
