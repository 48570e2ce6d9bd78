package main

import (
	"bufio"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/velithontest"
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
	kit := velithontest.New(t, s.app)
	id := create(t, kit)
	follower, err := kit.Client.Get("/jobs/" + id + "/events")
	require.NoError(t, err)
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
		want := job{ID: id, State: background.Running, Progress: map[string]any{"month": float64(month + 1)}}
		require.Equal(t, want, velithontest.Get[job](kit, "/jobs/"+id).Body)
		months <- struct{}{}
	}
	for j := last(progress{12}); j.State != background.Succeeded; j = next(t, events) {
		require.Equal(t, background.Running, j.State)
	}
	require.False(t, events.Scan() && events.Text() != "", "the stream ends with the job")
	require.NoError(t, follower.Body.Close())
	require.Equal(t, background.Succeeded, velithontest.Get[job](kit, "/jobs/"+id).Body.State)
	require.Equal(t, 409, velithontest.Delete[any](kit, "/jobs/"+id).Status)
}

func TestAReportIsCancelled(t *testing.T) {
	s := newService(make(months).make)
	kit := velithontest.New(t, s.app)
	running := create(t, kit)
	create(t, kit)
	limited := create(t, kit)
	require.Equal(t, limited, velithontest.Get[job](kit, "/jobs/"+limited).Body.ID)
	for _, id := range []string{running, limited} {
		require.Equal(t, 204, velithontest.Delete[any](kit, "/jobs/"+id).Status)
		handle, ok := s.app.Runner().Lookup(id)
		require.True(t, ok)
		require.ErrorIs(t, handle.Wait(t.Context()), errUnwelcome)
		require.Equal(t, background.Canceled, velithontest.Get[job](kit, "/jobs/"+id).Body.State)
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
	kit := velithontest.New(t, newService(make(months).make).app)
	for _, test := range []struct {
		method, path string
		input        any
		status       int
	}{
		{"POST", "/reports", request{Year: 1}, 422},
		{"GET", "/jobs/nothing", nil, 404},
		{"GET", "/jobs/nothing/events", nil, 404},
		{"DELETE", "/jobs/nothing", nil, 404},
	} {
		require.Equal(t, test.status, velithontest.Do[any](kit, test.method, test.path, test.input).Status, test.path)
	}
}

// create orders a report, and returns the id of its job.
func create(t *testing.T, kit *velithontest.Kit) string {
	t.Helper()
	answer := velithontest.Post[job](kit, "/reports", request{Year: 2026})
	require.Equal(t, 202, answer.Status)
	require.Equal(t, "/jobs/"+answer.Body.ID, answer.Header.Get("Location"))
	return answer.Body.ID
}

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

// The page is for people on this machine, and no part of the API.
func TestThePageShowsReports(t *testing.T) {
	s := newService(make(months).make)
	kit := velithontest.New(t, s.app)
	id := create(t, kit)
	page := velithontest.Get[any](kit, "http://localhost/admin/task?id="+id, "Connection: keep-alive") // as a browser
	require.Equal(t, 200, page.Status, page.Text)
	require.Contains(t, page.Text, "&#34;year&#34;:2026")
	require.Equal(t, 403, velithontest.Get[any](kit, "/admin/", "Connection: keep-alive").Status, "by another name")
	require.NotContains(t, velithontest.Get[any](kit, "/openapi.json").Text, "/admin")
	require.Equal(t, 204, velithontest.Delete[any](kit, "/jobs/"+id).Status)
}
