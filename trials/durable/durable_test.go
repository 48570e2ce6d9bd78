package main

import (
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/trials/child"
)

func TestMain(m *testing.M) {
	if role := child.Name(); role != "" {
		os.Exit(serve(role))
	}
	// With the race detector each of the many processes would sleep for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		log.Fatal(err)
	}
	goleak.VerifyTestMain(m)
}

// small returns a trial of a few seconds, of which the bounds hold on a busy machine.
func small(engine, server string) (*trial, *strings.Builder) {
	said := &strings.Builder{}
	return &trial{
		log: log.New(said, "", 0), engine: engine, server: server,
		length: 4 * time.Second, seed: 1, rate: 40, most: 20, pause: 200 * time.Millisecond, away: time.Second, settle: time.Minute,
	}, said
}

func TestNothingIsLostOnSQLite(t *testing.T) {
	if raced {
		t.Skip("with the race detector SQLite, a program in Go, does tasks more slowly than they come: run it without -race, as .ci/run does")
	}
	trial, said := small(sqliteEngine, "")
	require.NoError(t, trial.run(), "%s", said)
	t.Log(said)
	assert.Contains(t, said.String(), "locked by another connection for ")
	assert.Regexp(t, "on a full disk for |no disk can be made full", said.String())
	assert.NotContains(t, said.String(), "\n0 orders answered with 201")
}

func TestNothingIsLostOnPostgreSQL(t *testing.T) {
	server := os.Getenv("VELITHON_POSTGRES")
	if server == "" {
		t.Skip("only SQLite was tried: set VELITHON_POSTGRES to the URL of a PostgreSQL server, such as one of .ci/postgres")
	}
	trial, said := small(postgresEngine, server)
	require.NoError(t, trial.run(), "%s", said)
	t.Log(said)
	assert.Contains(t, said.String(), "locked by another session for ")
	assert.Contains(t, said.String(), "cut off twice for ")
	assert.NotContains(t, said.String(), "\n0 orders answered with 201")
}

func TestAnEngineThatThereIsNot(t *testing.T) {
	trial, _ := small("files", "")
	require.EqualError(t, trial.run(), `there is no engine "files"`)
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// done returns the effect of a task, some time after noon.
func done(kind string, n int64, attempt int, process string, after time.Duration) effect {
	return effect{kind: kind, n: n, attempt: attempt, process: process, at: noon.Add(after)}
}

// What a trial finds in order.
func TestNoFaults(t *testing.T) {
	a := facts{
		ledger: []entry{
			{ID: 1, How: "tx", Status: 201, Kinds: []string{once, plain, flaky}},
			{ID: 2, How: "bare", Status: 503, Took: storeTimeout + refusalBound},
			{ID: 3, How: "response", Status: 503, Took: 2*storeTimeout + refusalBound},
			{ID: 4, How: "both"},
			{ID: 5, How: "both", Status: 503, Took: 2*storeTimeout + refusalBound},
		},
		found: found{
			orders: []placed{{1, "tx", 3}, {3, "response", 2}, {4, "both", 1}},
			effects: []effect{
				done(once, 1, 1, "a", 0), done(plain, 1, 1, "a", time.Second), done(plain, 1, 1, "b", 2*time.Second),
				done(flaky, 1, 2, "a", 0), done(plain, 2, 1, "b", 0), done(plain, 4, 1, "b", time.Minute), done(plain, 4, 1, "b", time.Hour),
				done(running, 1, 1, "a", 0), done(running, 1, 1, "b", 0),
			},
			jobs: []job{{deadly, "discarded", 1}, {plain, "completed", 3}},
		},
		ends:     map[string]end{"a": {killed, noon.Add(time.Second)}},
		outages:  []outage{{"locked", noon.Add(time.Minute - time.Second), noon.Add(time.Minute)}},
		poisoned: 1, processes: 4,
	}
	var f figures
	assert.Empty(t, a.compare(&f))
	assert.Equal(t, figures{
		answered: 1, refused: 3, unanswered: 1, late: 2*storeTimeout + refusalBound, refusedButDone: 1,
		effects: 5, repeated: 1, mostRepeated: 1, repeatedInOutages: 1,
	}, f)
}

// What it says when the product does wrong.
func TestFaultsAreFound(t *testing.T) {
	tests := map[string]struct {
		facts facts
		want  []string
	}{
		"lost": {
			facts{ledger: []entry{{ID: 1, How: "tx", Sent: noon, Status: 201, Kinds: []string{once}}}},
			[]string{"order 1 (tx) was taken at 12:00:00.000, and its task once was never done"},
		},
		"promises nothing": {
			facts{ledger: []entry{{ID: 1, How: "tx", Status: 201}}},
			[]string{"order 1 was taken, and nothing promised"},
		},
		"late": {
			facts{ledger: []entry{{ID: 1, How: "bare", Sent: noon, Status: 503, Took: 3 * time.Second}}, allowance: time.Millisecond},
			[]string{"order 1 (bare) was refused at 12:00:00.000 after 3s, and 2.501s is the limit"},
		},
		"late after a transaction": {
			facts{ledger: []entry{{ID: 1, How: "both", Sent: noon, Status: 503, Took: 5 * time.Second}}},
			[]string{"order 1 (both) was refused at 12:00:00.000 after 5s, and 4.5s is the limit"},
		},
		"another answer": {
			facts{ledger: []entry{{ID: 1, How: "bare", Status: 500}}},
			[]string{"order 1 (bare) was answered with 500"},
		},
		"half done": {
			facts{found: found{orders: []placed{{1, "both", 2}}, effects: []effect{done(once, 1, 1, "a", 0)}}},
			[]string{"order 1 (both) was committed with 2 tasks, and 1 were done"},
		},
		"rolled back": {
			facts{ledger: []entry{{ID: 1, How: "tx", Status: 503}}, found: found{effects: []effect{done(plain, 1, 1, "a", 0)}}},
			[]string{"order 1 (tx) was not committed, and 1 of its tasks were done"},
		},
		"an attempt was used": {
			facts{found: found{effects: []effect{done(plain, 1, 2, "a", 0), done(flaky, 2, 3, "b", 0)}}},
			[]string{"the task plain of order 1 was done by a at attempt 2", "the task flaky of order 2 was done by b at attempt 3"},
		},
		"early": {
			facts{found: found{effects: []effect{{kind: later, n: 1, attempt: 1, early: true}}}},
			[]string{"the task later of order 1 was done before its time"},
		},
		"twice": {
			facts{found: found{effects: []effect{done(once, 1, 1, "a", 0), done(once, 1, 1, "b", 0)}}, ends: map[string]end{"a": {killed, noon}}},
			[]string{"the task once of order 1 was done 2 times: by [a at 12:00:00.000 b at 12:00:00.000]"},
		},
		"twice, and slow": {
			facts{found: found{effects: []effect{done(slow, 1, 1, "a", 0), done(slow, 1, 1, "a", 0)}}, ends: map[string]end{"a": {killed, noon}}},
			[]string{"the task slow of order 1 was done 2 times: by [a at 12:00:00.000 a at 12:00:00.000]"},
		},
		"twice without a kill": {
			facts{found: found{effects: []effect{done(plain, 1, 1, "a", 0), done(plain, 1, 1, "b", 0)}}, ends: map[string]end{"a": {terminated, noon}}},
			[]string{"the task plain of order 1 was done 2 times: by [a at 12:00:00.000 b at 12:00:00.000], and a was not killed then, it ended after SIGTERM at 12:00:00.000"},
		},
		"twice long before a kill": {
			facts{found: found{effects: []effect{done(plain, 1, 1, "a", 0), done(plain, 1, 1, "b", 0)}}, ends: map[string]end{"a": {killed, noon.Add(time.Minute)}}},
			[]string{"the task plain of order 1 was done 2 times: by [a at 12:00:00.000 b at 12:00:00.000], and a was not killed then, it was killed at 12:01:00.000"},
		},
		"deadly": {
			facts{found: found{effects: slicesOf(6, done(running, 1, 1, "a", 0))}},
			[]string{"a deadly task was begun 6 times"},
		},
		"left": {
			facts{found: found{jobs: []job{{added, "discarded", 2}, {plain, "running", 1}, {deadly, "available", 1}}}, poisoned: 1},
			[]string{"2 tasks of kind added are discarded in the end", "1 tasks of kind plain are running in the end", "1 tasks of kind deadly are available in the end", "0 of 1 deadly tasks were discarded"},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			var f figures
			assert.Equal(t, c.want, c.facts.compare(&f))
		})
	}
}

func slicesOf(n int, e effect) (all []effect) {
	for range n {
		all = append(all, e)
	}
	return all
}

// More done twice than a process may have in hand are too many.
func TestBoundOfRepetitions(t *testing.T) {
	const bound = inHand * workers
	for _, n := range []int64{bound, bound + 1} {
		killedOne, away := facts{processes: 1, ends: map[string]end{"a": {killed, noon}}}, facts{processes: 1, outages: []outage{{"locked", noon, noon}}}
		for i := range n {
			for _, a := range []*facts{&killedOne, &away} {
				a.found.effects = append(a.found.effects, done(plain, i, 1, "a", 0), done(plain, i, 1, "b", 0))
			}
		}
		var f, g figures
		if n == bound {
			assert.Empty(t, killedOne.compare(&f))
			assert.Empty(t, away.compare(&g))
		} else {
			assert.Equal(t, []string{"25 tasks were done twice because a was killed"}, killedOne.compare(&f))
			assert.Equal(t, []string{"25 tasks were done twice because the database was locked"}, away.compare(&g))
		}
	}
}

func TestShortened(t *testing.T) {
	assert.Equal(t, []string{"a", "b"}, shortened([]string{"b", "a"}))
	many := shortened(make([]string, 50))
	assert.Len(t, many, 41)
	assert.Equal(t, "and 10 more", many[40])
}

// Clients that are to wait send nothing, and those that are not do.
func TestClientsWait(t *testing.T) {
	for _, waits := range []bool{true, false} {
		file, err := os.Create(filepath.Join(t.TempDir(), "ledger"))
		require.NoError(t, err)
		stop, asked := make(chan struct{}), 0
		c := &clients{rate: 1000, file: file, addresses: func() map[string]bool { return nil }}
		c.wait = func() bool {
			if asked++; asked == 10 {
				close(stop)
			}
			return waits
		}
		c.run(stop)
		assert.Equal(t, waits, len(c.ledger()) == 0)
		require.NoError(t, file.Close())
	}
}
