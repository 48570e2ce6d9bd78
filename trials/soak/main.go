// Soak wears a service out: for a while, it has the traffic of good clients, of
// bad, slow and rude ones, and of tasks that fail in every way there is. Then
// nothing of it may be left.
//
//	go -C trials run ./soak
//	go -C trials run ./soak -for 10m -every 20s
//	go -C trials run ./soak -reject
//
// The traffic comes in rounds. After each, when the clients are gone and the
// tasks have ended, it takes a sample and checks that
//
//   - goroutines, open files and temporary files are back to what they were
//     before the first round, with the five connections that stay open from then
//     on to the last one: four of clients, and that of the samples;
//   - every answer was the one that was to be expected, with the values of its
//     own request;
//   - the tasks of each answered request ran once, and ended as they were to end,
//     and as clients were told who followed them: each notes its end in a journal.
//     Those of a request without an answer ran once, all or none; of any other, none
//     did. None began before its time, or after it was cancelled;
//   - the numbers of Runner.Stats add up, also in the midst of the traffic, and are
//     those of the journal, together with those of a periodic task, which goes on all
//     the time.
//
// In the end it checks that the heap has not grown, ends the service by SIGTERM,
// and counts the records of its log. It ends with code 1 if something is wrong.
// Goroutines are counted everywhere, open files on Linux.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/trials/child"
)

// options are the flags.
type options struct {
	length  time.Duration
	every   time.Duration
	rate    int
	clients int
	reject  bool
}

func (o options) overflow() background.Overflow {
	if o.reject {
		return background.Reject
	}
	return background.Block
}

func main() {
	if name := child.Name(); name != "" {
		serve(name)
		return
	}
	var o options
	flag.DurationVar(&o.length, "for", time.Minute, "how long the traffic lasts, with the samples")
	flag.DurationVar(&o.every, "every", 5*time.Second, "the time of a round, after which there is a sample")
	flag.IntVar(&o.rate, "rate", 300, "how many visits begin in a second, at most; one has four requests on average")
	flag.IntVar(&o.clients, "clients", 32, "how many visits there are at once, at most")
	flag.BoolVar(&o.reject, "reject", false, "have the service reject work when its queue is full, instead of blocking")
	flag.Parse()
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintf(os.Stderr, "FAILED\n%v\n", err)
		os.Exit(1)
	}
}
