package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/velithontest"
)

// The second of the task is one on the clock of the bubble, which takes no time.
func TestAnswerDoesNotWaitForTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var entries bytes.Buffer
		kit := velithontest.New(t, newApp(&processor{log.New(&entries, "", 0)}))
		begin := time.Now()

		answer := velithontest.Post[reply](kit, "/process", map[string]int{"id": 7})
		require.Equal(t, 200, answer.Status)
		require.Equal(t, reply{"Processing started"}, answer.Body)
		require.Zero(t, time.Since(begin))
		require.Equal(t, load{Running: 1}, velithontest.Get[load](kit, "/load").Body)

		require.Equal(t, []velithontest.Outcome{{Task: "process data", Attempt: 1}}, kit.Wait())
		require.Equal(t, time.Second, time.Since(begin))
		require.Equal(t, "Processed data: map[id:7]\n", entries.String())
	})
}

func TestShutdownWithoutTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var entries bytes.Buffer
		app := newApp(&processor{log.New(&entries, "", 0)})
		kit := velithontest.New(t, app)
		require.Equal(t, 200, velithontest.Post[reply](kit, "/process", map[string]int{"id": 7}).Status)
		synctest.Wait() // so that the task has begun

		ctx, cancel := context.WithCancel(t.Context())
		cancel() // there is no time at all
		err := app.Shutdown(ctx)

		var unfinished *background.DrainError
		require.ErrorAs(t, err, &unfinished)
		require.Equal(t, []string{"process data"}, unfinished.Running)

		// The task was told by its context. It ends, and has done nothing.
		require.ErrorAs(t, app.Shutdown(t.Context()), &unfinished)
		require.Equal(t, []string{"process data"}, unfinished.Stopped)
		require.Empty(t, entries.String())
	})
}

func TestBodyMustBeAnObject(t *testing.T) {
	kit := velithontest.New(t, newApp(&processor{log.New(io.Discard, "", 0)}))
	answer := velithontest.Post[reply](kit, "/process", []int{1, 2})
	require.Equal(t, 422, answer.Status)
	require.Equal(t, []params.Fault{{In: "body", Pointer: "#", Code: "type", Detail: "must be an object"}}, answer.Problem.Errors)
}
