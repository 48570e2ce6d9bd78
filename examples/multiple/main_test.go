package main

import (
	"bytes"
	"fmt"
	"log"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestUserAction(t *testing.T) {
	var entries bytes.Buffer
	kit := velithontest.New(t, newApp(&tracker{log.New(&entries, "", 0)}))

	answer := velithontest.Post[any](kit, "/user-action?action=login&user_id=7", nil)
	require.Equal(t, 200, answer.Status)
	require.JSONEq(t, `{"message":"Action completed"}`, answer.Text)

	// Both tasks ended before the answer was sent: nothing to wait for.
	lines := strings.Split(strings.TrimSpace(entries.String()), "\n")
	require.ElementsMatch(t, []string{"User 7 performed: login", "Analytics updated for: login"}, lines)
}

func TestWrongInputRunsNothing(t *testing.T) {
	var entries bytes.Buffer
	kit := velithontest.New(t, newApp(&tracker{log.New(&entries, "", 0)}))

	answer := velithontest.Post[any](kit, "/user-action?action=login&user_id=seven", nil)
	require.Equal(t, 422, answer.Status)
	require.Contains(t, answer.Text, fmt.Sprintf(`{"in":"query","name":"user_id","code":"type","detail":"must be an integer from %d to %d"}`, math.MinInt, math.MaxInt))
	require.Empty(t, entries.String())
}
