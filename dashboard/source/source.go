// Package source is what a page of package dashboard shows, and may do to it: the interfaces
// for engines of background work, and their data. It is a package of its own so that engines
// need no more than it.
package source

import (
	"context"
	"errors"
	"time"

	"github.com/velithon-go/velithon/background"
)

// A Source is the work that a page shows. dashboard.Runner makes one of a runner; an engine of
// stored tasks has its own. Its methods are called by several goroutines at once, but for
// what all pages show alike no more than once a second. What they return is not changed any more.
// They return soon after their context has ended, ten seconds after the call: pages wait for them.
//
// Texts in it may be hostile: they are escaped and cut short by the page.
type Source interface {
	// Overview returns the numbers of now.
	Overview(ctx context.Context) (Overview, error)

	// Tasks returns a page of the tasks that a filter lets through.
	Tasks(ctx context.Context, filter Filter) (Tasks, error)

	// Task returns what is known of one task; [ErrNoTask] if there is none of that id.
	Task(ctx context.Context, id string) (Task, error)
}

// A Controller is a [Source] whose work can be acted upon. A page asks for that only with
// Options.Acts, and only for acts that the source itself has offered.
type Controller interface {
	// Do does an act, or returns [ErrNoTask], or an [*ActError]. It has ten seconds.
	Do(ctx context.Context, act Act) error
}

// A Sampled source is cheap to ask: its Overview is asked every five seconds until Closed
// reports true, so that the plots have something to show when somebody comes. Others are
// asked while somebody looks.
type Sampled interface {
	// Closed reports whether the source has come to its end.
	Closed() bool
}

// ErrNoTask says that there is no task of an id, or that it ended too long ago.
var ErrNoTask = errors.New("dashboard: there is no such task, or it ended too long ago")

// An ActError says why an act can't be done now, in words for who wanted it.
type ActError struct{ Why string }

// Error returns the reason.
func (e *ActError) Error() string { return "dashboard: " + e.Why }

// A Verb is what can be done to work.
type Verb string

// What can be done: the first three to a task, the others to a kind.
const (
	Cancel   Verb = "cancel"  // ends the context of the attempt that is under way, and tries no more
	RetryNow Verb = "retry"   // waits no longer for the time of the next attempt, or of the first
	Discard  Verb = "discard" // has a task that does not run never run
	Pause    Verb = "pause"   // lets no further task of the kind start
	Resume   Verb = "resume"  // ends that
)

// An Act is a verb with what it is for.
type Act struct {
	Verb Verb
	ID   string // of the task, for the first three
	Kind string // for the others
	By   string // who does it, as the log has it
}

// An Overview is the numbers of a moment.
type Overview struct {
	Numbers

	Accepted uint64 // that ever were
	Workers  int    // how many tasks may run at once; 0 if that is not known
	Blocked  int    // submitters who wait for room
	Paused   bool   // nothing starts
	Closed   bool   // a shutdown is under way

	// Kept says which of the failed tasks are counted and listed, in a few words such as
	// "since the start"; "" for nothing to say.
	Kept string

	// What a shutdown of this process would do now: wait for so many tasks, and give up so many at once.
	ShutdownWaits, ShutdownGivesUp int

	Kinds   []Kind    // in the order of their names
	Longest []TaskRow // those that run longest, the longest first; a few
}

// Numbers are those of all tasks, or of a kind's.
type Numbers struct {
	Running, Waiting, Parked, Scheduled, Retrying int

	// These have ended since the source began to count, and Retried are attempts that failed
	// before another one.
	Succeeded, Failed, Retried, GivenUp uint64

	Oldest           time.Duration        // how long the oldest of the waiting tasks has waited
	Waits, Durations background.Histogram // as those of [background.KindStats]
}

// Open returns how many tasks have not ended.
func (n *Numbers) Open() int { return n.Running + n.Waiting + n.Parked + n.Scheduled + n.Retrying }

// Ended returns how many tasks have ended.
func (n *Numbers) Ended() uint64 { return n.Succeeded + n.Failed + n.GivenUp }

// A Kind is the numbers of one kind of tasks.
type Kind struct {
	Numbers

	Name   string // empty for the tasks without a kind
	Paused bool
	Acts   []Verb // that can be done to it now
}

// A Filter says which tasks are asked for.
type Filter struct {
	States  []background.State // none means those that have not ended
	Kind    string             // "" means any
	Request string             // the id of the request that they come from; "" means any
	After   string             // Tasks.Next of the page before; "" is the first page
	Limit   int                // how many tasks at most
}

// Tasks is a page of tasks.
type Tasks struct {
	Rows []TaskRow
	Next string // for Filter.After; "" if there are no more
}

// A TaskRow is what a list has of a task.
type TaskRow struct {
	ID       string // "" if the task can't be looked at by itself
	Name     string
	Kind     string // "" for none
	State    background.State
	Attempt  int       // how many have begun
	Attempts int       // how many there may be; 0 if that is not known
	Since    time.Time // when it came into its state
	Accepted bool      // that is not known, and Since is when it was accepted
	Due      time.Time // when it may start, if it waits for that
	Why      string    // it is in its state, as the end of a sentence: "waits for its time"; "" for nothing to say
	Request  string    // the id of the request that it comes from
	Route    string    // of that
	Error    string    // of its last attempt
}

// A Task is what is known of a task.
type Task struct {
	TaskRow

	Argument string    // as JSON; "" if it is not shown
	Progress string    // what it has said last
	Failures []Failure // those that are known, the last first
	Acts     []Verb    // that can be done to it now
}

// A Failure is one of a task's failed attempts.
type Failure struct {
	Attempt int // 0 if none was made
	At      time.Time
	Error   string
	Stack   string // of a panic
}
