package main

import (
	"bytes"
	"io"
	"log"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestOperationCompleted(t *testing.T) {
	var entries bytes.Buffer
	kit := velithontest.New(t, newApp(&service{log.New(&entries, "", 0)}))

	answer := velithontest.Post[result](kit, "/risky-operation?data=x", nil)
	require.Equal(t, 200, answer.Status)
	require.JSONEq(t, `{"message":"Operation completed"}`, answer.Text)
	require.Equal(t, "Processing: x\nProcessed: x\n", entries.String())
}

func TestTaskFailed(t *testing.T) {
	for _, target := range []string{"/risky-operation?data=", "/risky-operation"} {
		var entries bytes.Buffer
		kit := velithontest.New(t, newApp(&service{log.New(&entries, "", 0)}))

		answer := velithontest.Post[result](kit, target, nil)
		require.Equal(t, 422, answer.Status)
		require.JSONEq(t, `{"error":"Background task failed"}`, answer.Text)
		require.Equal(t, `background: task "process": data cannot be empty
background: 1 task never ran: "announce"
`, entries.String())
	}
}

func TestStatusOfOtherErrors(t *testing.T) {
	require.Equal(t, 500, statusOf(io.ErrUnexpectedEOF))
}
