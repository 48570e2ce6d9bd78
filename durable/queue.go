// Package durable keeps background tasks in a database until they are done: they
// survive the process that has accepted them, and any number of processes may work
// them. Packages sqlite and postgres open a [Queue]; the engine is River.
//
//	db, err := sqlite.OpenDB("shop.db")
//	queue, err := sqlite.Open(ctx, db, "shop.db", durable.Options{}, sendMail)
//	app := velithon.New(velithon.Options{Queue: queue})
//
// A task runs at least once: one whose process dies runs again. Its effects on the same
// database happen exactly once with [Queue.DoneTx].
package durable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"

	"github.com/velithon-go/velithon/background"
)

// Options configures a [Queue]. The zero value means the defaults.
type Options struct {
	// Workers is how many tasks this process runs at once, besides those of kinds with a
	// limit. Zero means 50.
	Workers int

	// StoreOnly has this process store tasks and leave the work to others.
	StoreOnly bool

	// Keep is how long tasks that have succeeded are kept, for [Queue.Tasks] and
	// dashboards. Zero means a day. Those that failed or were cancelled are kept for a
	// week.
	Keep time.Duration

	// Runner configures the runner that makes the attempts of [Queue.Run]: its Timeout,
	// OnFailure and the log. Those of an app are made by the app's.
	Runner background.RunnerOptions

	// ShutdownTimeout is how long [Queue.Run] lets tasks finish. Zero means 30 s.
	ShutdownTimeout time.Duration

	// Logger gets what the queue and its engine have to say from warnings upwards. Nil
	// means slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Workers = cmp.Or(o.Workers, 50)
	o.Keep = cmp.Or(o.Keep, 24*time.Hour)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, 30*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Runner.Logger == nil {
		o.Runner.Logger = o.Logger
	}
	return o
}

// validate names the field that is out of its range.
func (o Options) validate() error {
	switch {
	case o.Workers < 0 || o.Workers > river.QueueNumWorkersMax:
		return fmt.Errorf("durable: Options.Workers is %d, it has to be from 0 to %d", o.Workers, river.QueueNumWorkersMax)
	case o.Keep < 0:
		return fmt.Errorf("durable: Options.Keep is %s, it cannot be negative", o.Keep)
	case o.ShutdownTimeout < 0:
		return fmt.Errorf("durable: Options.ShutdownTimeout is %s, it cannot be negative", o.ShutdownTimeout)
	}
	return nil
}

// An Engine is what [New] makes a queue of: a database, by one of the packages sqlite
// and postgres.
type Engine[Tx any] struct {
	Driver riverdriver.Driver[Tx]
	Locks  Locks

	// Do calls f with a transaction, and commits it if f returns nil. It returns soon
	// after ctx is done.
	Do func(ctx context.Context, f func(tx Tx) error) error

	// Owner is an SQL expression for the process that runs a task.
	Owner string

	// Epoch is an SQL expression for the seconds since 1970, with their fraction, of a
	// time, which stands as %s in it.
	Epoch string

	// Cooldown is the least time between two looks for tasks.
	Cooldown time.Duration
}

// Locks tell which processes live. They are used by one goroutine.
type Locks interface {
	// Hold takes the lock of this process, whose id that is, or looks whether it is held
	// still, and takes it again.
	Hold(ctx context.Context, id string) error

	// GiveBack has the tasks run again whose process holds its lock no more, with [Died]
	// among their errors, and returns how many there were.
	GiveBack(ctx context.Context, id string) (tasks int, err error)

	// Release gives the lock up.
	Release() error
}

// Died is the error of an attempt whose process died. Such attempts do not count.
const Died = "the process died"

// deaths is how many processes may die with a task, besides its attempts.
const deaths = 3

// Suspects is the engine's queue of tasks whose processes died as often as may be. A
// process works one of them at a time: of those that died with a task that kills, only
// that one dies once more.
const Suspects = "suspects"

// A Queue stores tasks in a database, and works them. Tx is the type of its transactions.
// It is made by package sqlite or postgres, and safe for concurrent use.
type Queue[Tx any] struct {
	options Options
	engine  Engine[Tx]
	client  *river.Client[Tx]
	log     *slog.Logger // for what comes again and again while the database is away
	kinds   map[string]*kind

	mu       sync.Mutex // guards what follows
	runner   *background.Runner
	closed   bool          // Shutdown was called
	stopped  chan struct{} // closed when the work has ended; nil if it never began
	stopErr  error         // readable then
	attempts map[int64]*attempt

	begun    chan struct{} // closed when Start has ended
	startErr error         // readable then

	hard      context.Context // done when tasks are to be interrupted
	interrupt context.CancelFunc

	outcomes outcomes
	counts   counts
	paused   paused

	writer  sync.WaitGroup // of what writes outcomes
	loop    sync.WaitGroup // of the looks for processes that died
	endLoop context.CancelFunc
}

// New returns a queue of an engine, for tasks of some kinds, which other processes may
// know, too. It is called by packages sqlite and postgres.
func New[Tx any](engine Engine[Tx], options Options, kinds ...background.Definition) (*Queue[Tx], error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	options = options.withDefaults()
	q := &Queue[Tx]{
		options: options, engine: engine, kinds: make(map[string]*kind),
		log:      slog.New(engineLog{options.Logger.Handler(), new(recent)}),
		attempts: make(map[int64]*attempt), begun: make(chan struct{}),
		outcomes: outcomes{
			room: make(chan struct{}, maxUnwritten*options.Workers), waiting: make(map[int64]*outcome), toTell: make(map[int64]*outcome),
		},
	}
	q.hard, q.interrupt = context.WithCancel(context.Background()) //nolint:gosec // Shutdown calls it, if it has to
	gates := make(gates)
	for _, d := range kinds {
		k, err := newKind(d, gates)
		if err != nil {
			return nil, err
		}
		if q.kinds[k.Name()] != nil {
			return nil, fmt.Errorf("durable: two kinds are called %q", k.Name())
		}
		q.kinds[k.Name()] = k
	}
	if len(kinds) == 0 {
		return nil, errors.New("durable: a queue needs kinds of tasks")
	}
	var err error
	q.client, err = river.NewClient(driver[Tx]{engine.Driver, &q.outcomes, &q.paused}, q.config())
	if err != nil {
		return nil, fmt.Errorf("durable: %w", err)
	}
	return q, nil
}

func (q *Queue[Tx]) config() *river.Config {
	config := &river.Config{
		ID:                          processID(),
		FetchCooldown:               q.engine.Cooldown,
		FetchPollInterval:           max(100*time.Millisecond, q.engine.Cooldown),
		FetchOnlyKnownKinds:         true,
		SkipUnknownJobCheck:         true,
		JobTimeout:                  -1,                         // attempts have timeouts of their own
		RescueStuckJobsAfter:        100 * 365 * 24 * time.Hour, // ours looks at locks; this one discards kinds that it does not know
		MaxAttempts:                 1 + deaths,
		CompletedJobRetentionPeriod: q.options.Keep,
		CancelledJobRetentionPeriod: 7 * 24 * time.Hour,
		DiscardedJobRetentionPeriod: 7 * 24 * time.Hour,
		Logger:                      q.log,
	}
	if q.options.StoreOnly {
		return config
	}
	config.Workers = river.NewWorkers()
	config.Queues = map[string]river.QueueConfig{
		river.QueueDefault: {MaxWorkers: q.options.Workers},
		Suspects:           {MaxWorkers: 1, FetchPollInterval: time.Second},
	}
	for name, k := range q.kinds {
		river.AddWorkerArgs(config.Workers, args{kind: name}, &worker[Tx]{queue: q, kind: k})
		if k.gate != nil {
			config.Queues[k.queue()] = river.QueueConfig{MaxWorkers: k.gate.workers(q.options.Workers)}
		}
	}
	return config
}

// kindName is what the engine takes for the name of a kind.
var kindName = regexp.MustCompile(`\A\w[\w\-\[\]<>/.·:+]{1,126}\z`)

// Client returns the engine's client, for dashboards and for what a Queue does not do.
// Tasks are stored by the Queue only.
func (q *Queue[Tx]) Client() *river.Client[Tx] { return q.client }

// Holds reports whether the kind of that name was given to Open.
func (q *Queue[Tx]) Holds(kind string) bool { return q.kinds[kind] != nil }
