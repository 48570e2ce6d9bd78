package main

import (
	"bytes"
	"io"
	"log"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/trials/child"
)

func TestMain(m *testing.M) {
	if name := child.Name(); name != "" {
		serve(name)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestSoak(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM on Windows")
	}
	for _, reject := range []bool{false, true} {
		o := options{length: time.Second, every: 500 * time.Millisecond, rate: 200, clients: 16, reject: reject}
		t.Run(o.overflow().String(), func(t *testing.T) {
			var out bytes.Buffer
			err := run(&out, o)
			require.NoError(t, err, "%s", &out)
			assert.Contains(t, out.String(), "PASSED")
		})
	}
}

func TestRunRefusesFlagsOutOfRange(t *testing.T) {
	err := run(io.Discard, options{length: time.Second, every: time.Second, clients: 1})
	require.EqualError(t, err, "-every, -rate and -clients must be positive")
}

func TestLedgerFindsWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name    string
		ends    []string
		state   state
		journal string
		want    string // the error; "" for none
	}{
		{"all ran", []string{succeeded, failed}, promised, "1 1 f\n1 0 s\n", ""},
		{"either end", []string{failed + skipped}, promised, "1 0 k\n", ""},
		{"no work", nil, promised, "", ""},
		{"one is missing", []string{succeeded, succeeded}, promised, "1 1 s\n", "should have ended with [s s], and did with [1 s]"},
		{"none ran", []string{succeeded}, promised, "", "should have ended with [s], and did with []"},
		{"another end", []string{succeeded}, promised, "1 0 f\n", "should have ended with [s], and did with [0 f]"},
		{"ran twice", []string{succeeded}, promised, "1 0 s\n1 0 s\n", "has ended more than once: [0 s]"},
		{"dropped", []string{succeeded}, dropped, "", ""},
		{"dropped, and ran", []string{succeeded}, dropped, "1 0 s\n", "was not promised, and ran: [0 s]"},
		{"no room", []string{succeeded}, noRoom, "", ""},
		{"no room, and ran", []string{succeeded}, noRoom, "1 0 s\n", "was not promised, and ran: [0 s]"},
		{"unanswered, and ran", []string{succeeded}, unanswered, "1 0 s\n", ""},
		{"unanswered, and did not run", []string{succeeded}, unanswered, "", ""},
		{"unanswered, and ran in part", []string{succeeded, succeeded}, unanswered, "1 0 s\n", "should have ended with [s s], and did with [0 s]"},
		{"unknown", nil, promised, "2 0 s\n", "the work of request 2 ran again, or was not asked for"},
		{"half a line", nil, promised, "1 0", "the journal has"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			l.answered(l.add(test.ends), test.state)
			err := l.settle(strings.NewReader(test.journal))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestLedgerFindsWhatRunsAfterItWasSettled(t *testing.T) {
	l := newLedger()
	l.answered(l.add([]string{succeeded}), promised)
	require.NoError(t, l.settle(strings.NewReader("1 0 s\n")))
	require.ErrorContains(t, l.settle(strings.NewReader("1 0 s\n")), "the work of request 1 ran again")
}

func TestLedgerKnowsWhatClientsWereTold(t *testing.T) {
	l := newLedger()
	n := l.add([]string{succeeded})
	l.answered(n, promised)
	l.mayEnd(n, failed)
	require.NoError(t, l.settle(strings.NewReader("1 0 f\n")))

	n = l.add([]string{succeeded + failed})
	l.answered(n, promised)
	l.ended(n, failed)
	require.ErrorContains(t, l.settle(strings.NewReader("2 0 s\n")), "should have ended with [f], and did with [0 s]")

	l.answered(l.add([]string{succeeded}), promised)
	require.ErrorContains(t, l.settle(strings.NewReader("3 0 u\n3 0 s\n")), "has ended more than once: [0 u]")
}

func TestHeapThatGrows(t *testing.T) {
	heaps := func(kilobytes ...uint64) []sample {
		all := make([]sample, len(kilobytes))
		for i, k := range kilobytes {
			all[i].Heap = k << 10
		}
		return all
	}
	for _, test := range []struct {
		name    string
		samples []sample
		want    string
	}{
		{"flat", heaps(1400, 1500, 1400, 1500, 1400, 1500, 1400), ""},
		{"a warm-up", heaps(9000, 1500, 1400, 1500, 1400, 1500, 1400), ""},
		{"a peak", heaps(1000, 1000, 1000, 1000, 1000, 9000, 1000, 1000, 9000, 1000), ""},
		{"growing", heaps(1000, 1100, 1300, 1500, 1700, 1900, 2100), "the heap has grown by 800 KiB, and may by 512 KiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &soak{out: log.New(io.Discard, "", 0), samples: test.samples, visitor: &visitor{figures: newFigures()}}
			if err := s.checkHeap(); test.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, test.want)
			}
		})
	}
}

func TestLeftIsWhatIsMoreThanBefore(t *testing.T) {
	before := sample{Goroutines: 11, files: 17}
	require.NoError(t, before.left(before))
	now := sample{Goroutines: 12, files: 18, temp: 1, Stats: background.Stats{Queued: 1, Running: 2, Retrying: 3}}
	require.EqualError(t, now.left(before), `12 goroutines, and not 11 as before the load
18 open files, and not 17 as before the load
1 temporary files, and not 0 as before the load
1 tasks that wait, and not 0 as before the load
2 tasks that run, and not 0 as before the load
3 tasks that wait to be tried again, and not 0 as before the load`)
}

func TestStatsThatDoNotAddUp(t *testing.T) {
	stats := background.Stats{Accepted: 28, Succeeded: 1, Failed: 2, Skipped: 3, Abandoned: 4, Queued: 5, Running: 6, Retrying: 7}
	require.NoError(t, balanced(stats))
	stats.Running--
	require.ErrorContains(t, balanced(stats), "don't add up to 28 accepted, but to 27")
}

func TestLogIsCounted(t *testing.T) {
	const good = `time=x level=INFO msg=listening address=127.0.0.1:80
time=x level=WARN msg="request failed" error="level=INFO msg=listening"
time=x level=INFO msg="shutting down" within=30s
time=x level=INFO msg="shut down" tasks_succeeded=2 tasks_failed=0 tasks_given_up=0
`
	check := func(text string) error {
		s := &soak{
			out:     log.New(io.Discard, "", 0),
			samples: []sample{{Stats: background.Stats{Succeeded: 2}}},
			visitor: &visitor{ledger: newLedger(), figures: newFigures()},
		}
		s.visitor.figures.logged(logFailed)
		s.visitor.figures.mayHaveLogged(logStreamEnded)
		return s.checkLog(text)
	}
	require.NoError(t, check(good))
	require.ErrorContains(t, check(good+"time=x level=ERROR msg=oops\n"), `the log has 1 records "oops", and should have from 0 to 0`)
	require.ErrorContains(t, check(strings.Replace(good, "request failed", "a stream ended early", 1)), `the log has no record "request failed", and should have 1`)
	require.ErrorContains(t, check(strings.Replace(good, "=2", "=1", 1)), "the last record says tasks_succeeded=1 tasks_failed=0 tasks_given_up=0, and not tasks_succeeded=2 tasks_failed=0 tasks_given_up=0")
}
