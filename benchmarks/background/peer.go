package background

import "context"

// A Pool runs tasks that nobody waits for on a limited number of goroutines.
type Pool interface {
	// Ready makes a task that calls f, and returns what submits it, again and
	// again.
	Ready(f func()) (submit func() error)

	// HandOver does what an order's response asks for: it makes two tasks with
	// arguments and hands them over.
	HandOver(o *Order) error

	// Flood hands over many tasks that one request has made.
	Flood(tasks []func()) error

	// Close ends the pool when its tasks have ended.
	Close() error
}

// Run runs tasks to completion.
type Run func(ctx context.Context) error

// A Peer is a library or an idiom.
type Peer struct {
	Name string

	// NewPool makes a pool of so many workers with room for so many waiting
	// tasks, as far as the peer has such bounds.
	NewPool func(workers, queue int) Pool

	// Queues says that tasks wait in a queue of the pool when all workers are
	// busy. Otherwise it is the submitter who waits.
	Queues bool

	// NewRun prepares to run the tasks, so many at once, and returns what does
	// and what gives back its means.
	NewRun func(tasks []func() error, concurrent int) (run Run, stop func())

	// Unlimited says that it runs all of them at once instead.
	Unlimited bool
}

// Velithon is the peer that the others are compared with.
const Velithon = "velithon"

// Peers returns all peers, Velithon first.
func Peers() []Peer {
	return []Peer{
		{Name: Velithon, NewPool: newRunner, Queues: true, NewRun: newTasks},
		{Name: "go", NewPool: newGoroutines, NewRun: newWaitGroup, Unlimited: true},
		{Name: "channel", NewPool: newChannel, Queues: true, NewRun: newWorkers},
		{Name: "errgroup", NewPool: newErrgroup, NewRun: newErrgroupRun},
		{Name: "semaphore", NewPool: newSemaphore, NewRun: newSemaphoreRun},
		{Name: "conc", NewPool: newConc, NewRun: newConcRun},
		{Name: "pond", NewPool: newPond, Queues: true, NewRun: newPondRun},
		{Name: "ants", NewPool: newAnts, NewRun: newAntsRun},
	}
}

// nothing is what stops a peer that keeps nothing between two runs.
func nothing() {}

// oneByOne submits tasks one after the other.
func oneByOne(p Pool, tasks []func()) error {
	for _, f := range tasks {
		if err := p.Ready(f)(); err != nil {
			return err
		}
	}
	return nil
}
