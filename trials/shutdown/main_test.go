package main

import (
	"io"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/trials/child"
)

func TestMain(m *testing.M) {
	if name := child.Name(); name != "" {
		os.Exit(serve(name))
	}
	goleak.VerifyTestMain(m)
}

func TestNothingIsLost(t *testing.T) {
	var said strings.Builder
	trial := trial{log: log.New(&said, "", 0), rounds: 4, seed: 1, within: 100 * time.Millisecond, slack: time.Minute}
	require.NoError(t, trial.run(), "%s", &said)
	assert.Contains(t, said.String(), "drains: 3 rounds, ")
	assert.Contains(t, said.String(), "stuck: 1 rounds, ")
	assert.NotContains(t, said.String(), " 0 responses")
}

// What the trial would say if the service did wrong.
func TestFaultsAreFound(t *testing.T) {
	outcomes := []outcome{{responses: 2, tasks: []string{"a", "b", "c", "d"}, behind: []string{"e", "f"}, cut: []string{"EOF"}, late: 3}}
	var f figures
	faults := f.compare(outcomes, "a\na\nb\ne\n", "INFO shutting down within=1s\nunfinished c\n")
	assert.Equal(t, []string{"a was done 2 times", "d is lost", "e was taken, though its connection was closed before"}, faults)
	assert.Equal(t, figures{responses: 2, tasks: 4, lost: 1, doubled: 1, unfinished: 1, behind: 2, cut: 1, late: 3}, f)
	assert.Equal(t, []string{"a request that was sent in time was not answered: EOF"}, unanswered(outcomes))

	f = figures{}
	faults = f.compare(nil, "tick.0\ntick.2\nx\n", "unfinished later-1\ncancelled x\ncancelled y\n")
	assert.Equal(t, []string{"the journal has tick.2, and not the one before", "x was cancelled, and is done"}, faults)
	assert.Equal(t, figures{unfinished: 1, dueLater: 1, cancelled: 2}, f)

	f = figures{}
	faults = f.compare(nil, "x\n", "kept x\nkept y\nwrong: z is early\nunfinished mixed-1.1\nunfinished mixed-1.2\nunfinished stored-1\n")
	assert.Equal(t, []string{"x was cancelled before it began, and is done", "z is early"}, faults)
	assert.Equal(t, figures{unfinished: 3, dueLater: 2, kept: 2}, f)

	f = figures{}
	record := func(task string) string { return `stored {"kind":"stored","argument":"` + task + `"}` + "\n" }
	text := record("a") + record("b") + record("b") + "stored {}\nunfinished stored-1\nunfinished x\n"
	assert.Equal(t, []string{
		"{}\n can't be restored: background: a record of \"\" is not one of kind \"stored\"",
		"a is done, and was stored to be done again",
		"b was stored 2 times",
		"stored-1 was given up, and not stored",
	}, f.restore(drains, "a\n", text))
	assert.Equal(t, figures{restored: 2}, f)
	assert.Empty(t, f.restore(stuck, "", "unfinished stored-1\n"))

	var o outcome
	o.unanswered(2, io.EOF, shutdownGrace-1)
	o.unanswered(3, io.EOF, shutdownGrace)
	assert.Equal(t, outcome{cut: []string{"EOF", "EOF"}, late: 3}, o)

	const good = "INFO listening address=x\nINFO shutting down within=1s\nINFO shut down tasks_succeeded=3 tasks_failed=0 tasks_given_up=0\n"
	assert.Empty(t, drained(nil, good, 3, 0, 0))
	assert.Equal(t, []string{"the log does not say INFO shut down tasks_succeeded=4 tasks_failed=0 tasks_given_up=0"}, drained(nil, good, 4, 0, 0))
	assert.Equal(t, []string{"in the log: ERROR panic in a handler"}, drained(nil, good+"ERROR panic in a handler\n", 3, 0, 0))
	assert.Equal(t, []string{"it ended with EOF, and had no task left"}, drained(io.EOF, good, 3, 0, 0))
	assert.Equal(t, []string{"the log does not say INFO shut down tasks_succeeded=3 tasks_failed=1 tasks_given_up=0"}, drained(nil, good+"cancelled x\n", 3, 1, 0))
	later := strings.Replace(good, "up=0", "up=2", 1)
	assert.Equal(t, []string{"2 tasks are due later, and that the log says so is false"}, drained(nil, later, 3, 0, 2))
	assert.Empty(t, drained(nil, later+"drain ended early: tasks are due later, and are not waited for\nunfinished x\n", 3, 0, 2))
	assert.Empty(t, gaveUp(stuck, io.EOF, ""))
	assert.Equal(t, []string{"it gave up tasks"}, gaveUp(drains, io.EOF, ""))
	assert.Equal(t, []string{"it gave up tasks, and ended with 0", "the log says that all was done"}, gaveUp(stuck, nil, good))
}
