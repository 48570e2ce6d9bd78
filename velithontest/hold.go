package velithontest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
)

// An Outcome is how an attempt at a task has ended.
type Outcome struct {
	Task    string // its name
	Attempt int    // counted from 1
	Err     error  // nil if it succeeded; a [*background.PanicError] for a panic
}

var errGoexit = errors.New("velithontest: the task called runtime.Goexit")

// tasks are the attempts at the runner's tasks that its workers have begun.
type tasks struct {
	mu       sync.Mutex // guards what follows
	holds    bool
	held     []*attempt
	running  int // not held
	outcomes []Outcome
	changed  chan struct{} // closed, and made anew, when there is one more that is held
}

// An attempt is one that is held, or was.
type attempt struct {
	task    string
	begin   chan struct{} // closed when it may begin
	ended   chan struct{} // closed when it has
	outcome Outcome       // set then
}

// Hold keeps attempts at the tasks of the app's runner from beginning, until Step or
// Release lets them. Those that have begun go on. A task that is held has a worker, and
// its timeout has not begun; it begins all the same when its context is done, as at the
// end of a shutdown. What a response runs before it is sent is not held: its work does
// not pass through the runner.
func (k *Kit) Hold() {
	k.tasks.mu.Lock()
	defer k.tasks.mu.Unlock()
	k.tasks.holds = true
}

// Held returns the names of the tasks that are held, in the order in which they came to
// a worker: no more than there are workers. It waits for the tasks of all responses that
// were read, and for those that come next where one has ended.
func (k *Kit) Held() (names []string) {
	k.t.Helper()
	k.settle()
	k.tasks.mu.Lock()
	defer k.tasks.mu.Unlock()
	for _, a := range k.tasks.held {
		names = append(names, a.task)
	}
	return names
}

// Step lets the task of that name begin which has been held longest, waits until the
// attempt has ended, and returns how. If there is none it waits until one comes, such as
// the next attempt at a task that has failed.
func (k *Kit) Step(task string) Outcome {
	k.t.Helper()
	late := time.NewTimer(k.limit)
	defer late.Stop()
	for {
		a, changed := k.tasks.take(func(a *attempt) bool { return a.task == task })
		if a != nil {
			<-a.ended
			return a.outcome
		}
		select {
		case <-changed:
		case <-late.C:
			k.t.Fatalf("velithontest: no task %q has come in %s; held are %q", task, k.limit, k.Held())
		}
	}
}

// Release ends Hold, and lets all begin that are held.
func (k *Kit) Release() {
	k.tasks.mu.Lock()
	defer k.tasks.mu.Unlock()
	k.tasks.holds = false
	for len(k.tasks.held) > 0 {
		k.tasks.takeLocked(0)
	}
}

// Wait waits until all background work has ended, also what is to be tried again and what
// the app's durable queue has stored, and returns how each attempt has ended since the last
// Wait, in that order. Tasks that are due later are not waited for, see
// [background.Task.After]. The test fails if tasks are held, or if it takes more than 30
// seconds, as with a queue that leaves its work to other processes; in a bubble it may take
// a year.
func (k *Kit) Wait() []Outcome {
	k.t.Helper()
	if held := k.Held(); held != nil {
		k.t.Fatalf("velithontest: Wait would wait for tasks that are held, %q: call Release before", held)
	}
	ctx, cancel := context.WithTimeout(context.Background(), k.limit)
	defer cancel()
	rest := time.Millisecond
	for isBusy := true; isBusy; {
		if err := k.app.Runner().Idle(ctx); err != nil {
			k.t.Fatalf("velithontest: background work has not ended in %s: %+v", k.limit, k.app.Runner().Stats())
		}
		stored, err := k.stored(ctx)
		switch stats := k.app.Runner().Stats(); {
		case err != nil:
			k.t.Fatalf("velithontest: %d stored tasks have not ended in %s: %v", stored, k.limit, err)
		case stored > 0:
			time.Sleep(rest) // nobody tells when they have ended
			rest += rest / 4
		case k.tasks.areRunning(): // one that is done for the queue has yet to return
			runtime.Gosched()
		default: // unless one has handed over others
			isBusy = stats.Queued+stats.Running+stats.Limited+stats.Retrying > 0
		}
	}
	k.tasks.mu.Lock()
	defer k.tasks.mu.Unlock()
	outcomes := k.tasks.outcomes
	k.tasks.outcomes = nil
	return outcomes
}

// stored returns how many tasks of the app's durable queue have not ended, but for those
// that are due later. Without a queue there are none.
func (k *Kit) stored(ctx context.Context) (tasks int, err error) {
	queue, ok := k.app.Runner().Store().(interface {
		Kinds(ctx context.Context) ([]background.KindStats, error)
	})
	if !ok {
		return 0, nil
	}
	kinds, err := queue.Kinds(ctx)
	for _, kind := range kinds {
		tasks += kind.Queued + kind.Running + kind.Limited + kind.Retrying
	}
	return tasks, errors.Join(err, ctx.Err())
}

// How often settle looks before it rests in between, and how often at most: for ten
// seconds. In a bubble a rest would be seen on the clock, so there it looks for long enough
// that a busy machine lets the others on.
const (
	maxLooks         = 1_000
	maxLooksInBubble = 200_000
	maxRested        = 10_000
)

// settle waits until the workers that have begun or ended an attempt have told so or
// taken the next one, and the same of responses.
func (k *Kit) settle() {
	k.t.Helper()
	if !k.until(k.isSettled) {
		k.t.Fatalf("velithontest: the app is still busy with a response that was read, or a task that has ended: %+v", k.app.Runner().Stats())
	}
}

// until looks again and again, and returns false if it has done so for ten seconds.
func (k *Kit) until(holds func() bool) bool {
	looks := maxLooks
	if k.limit == maxWaitInBubble {
		looks = maxLooksInBubble
	}
	for n := range looks + maxRested {
		if holds() {
			return true
		}
		if n < looks {
			runtime.Gosched()
		} else {
			time.Sleep(time.Millisecond) // a log is slow, or a hook
		}
	}
	return false
}

func (k *Kit) isSettled() bool {
	if !k.hasHandedOver() {
		return false
	}
	stats := k.app.Runner().Stats()
	k.tasks.mu.Lock()
	defer k.tasks.mu.Unlock()
	return stats.Running <= len(k.tasks.held)+k.tasks.running
}

// hasHandedOver reports whether the responses that were read have handed their tasks
// over, or wait for room in the queue.
func (k *Kit) hasHandedOver() bool {
	n := 0
	for _, c := range k.all() {
		if c.answered.Load() && !c.isServed() {
			n++
		}
	}
	return n == 0 || n <= k.app.Runner().Stats().Blocked
}

// around is called by the runner around each attempt.
func (t *tasks) around(ctx context.Context, task *background.Task, run func(context.Context) error) (err error) {
	a := &attempt{task: task.Name(), begin: make(chan struct{}), ended: make(chan struct{})}
	t.arrive(a)
	select {
	case <-a.begin:
	case <-ctx.Done():
		t.take(func(other *attempt) bool { return other == a })
	}
	err = errGoexit
	defer func() { t.end(a, Outcome{a.task, background.Attempt(ctx), err}) }()
	err = run(ctx)
	return err
}

func (t *tasks) areRunning() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running > 0
}

func (t *tasks) arrive(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = append(t.held, a)
	if !t.holds {
		t.takeLocked(len(t.held) - 1)
		return
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// take lets the first attempt begin of those that are held and wanted. If there is none
// it returns a channel that is closed when one more is held.
func (t *tasks) take(isWanted func(*attempt) bool) (*attempt, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.IndexFunc(t.held, isWanted); i >= 0 {
		return t.takeLocked(i), nil
	}
	return nil, t.changed
}

func (t *tasks) takeLocked(i int) *attempt {
	a := t.held[i]
	t.held = slices.Delete(t.held, i, i+1)
	t.running++
	close(a.begin)
	return a
}

func (t *tasks) end(a *attempt, outcome Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	t.outcomes = append(t.outcomes, outcome)
	a.outcome = outcome
	close(a.ended)
}
