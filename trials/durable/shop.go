package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The kinds of tasks. What an order has is decided by [kindsOf].
const (
	once    = "once"    // its effect and its completion are one transaction
	plain   = "plain"   // its effect is committed before its completion
	slow    = "slow"    // likewise; takes longer than a shutdown, and ends when it is told to
	flaky   = "flaky"   // fails at its first attempt
	later   = "later"   // is due after a second
	added   = "added"   // is known to newer processes only
	deadly  = "deadly"  // kills the process
	running = "running" // is no kind: what a deadly task notes before that
)

const (
	storeTimeout    = 2 * time.Second
	shutdownTimeout = 2 * time.Second
	shortTakes      = 100 * time.Millisecond // at most
	slowTakes       = 3 * time.Second
	laterBy         = time.Second
	workers         = 8 // of each process
	deadlyAttempts  = 2
)

// How the tasks of an order are stored.
var ways = []string{
	"tx",       // by StoreTx, in the order's transaction
	"both",     // by that, and the response carries them, too
	"response", // by the response only
	"bare",     // likewise, and there is no order
}

// kindsOf returns the kinds of the tasks that a process stores for an order.
func kindsOf(order int64, isNew bool) []string {
	kinds := []string{once, plain}
	if order%3 == 0 {
		kinds = append(kinds, flaky)
	}
	if order%5 == 0 {
		kinds = append(kinds, later)
	}
	if order%20 == 0 {
		kinds = append(kinds, slow)
	}
	if isNew {
		kinds = append(kinds, added)
	}
	return kinds
}

// work is the argument of all tasks.
type work struct {
	Order int64
	Due   int64 // ms since 1970; zero for at once
}

// A shop is a process of the service.
type shop[Tx any] struct {
	*database[Tx]

	process string // its name, which no other one has
	isNew   bool
	kinds   map[string]background.Kind[work]
}

// define returns the kinds that a process knows.
func (s *shop[Tx]) define(d *database[Tx]) (all []background.Definition) {
	s.database, s.kinds = d, make(map[string]background.Kind[work])
	for name, f := range map[string]func(context.Context, work) error{
		once: s.doOnce, plain: s.do(plain), flaky: s.doFlaky, later: s.do(later), slow: s.doSlowly, added: s.do(added),
		deadly: s.die,
	} {
		options := []background.KindOption{background.Timeout(time.Hour)}
		switch {
		case name == added && !s.isNew:
			continue
		case name == flaky:
			options = append(options, background.Retry{Attempts: 3, Backoff: 100 * time.Millisecond})
		case name == slow:
			options = append(options, background.Retry{Attempts: 20}) // and so may die more often
		case name == deadly:
			options = append(options, background.Retry{Attempts: deadlyAttempts})
		}
		s.kinds[name] = background.Define(name, f, options...)
		all = append(all, s.kinds[name])
	}
	return all
}

const insertEffect = "insert into effects(kind, n, attempt, process, at, early) values ($1, $2, $3, $4, $5, $6)"

// effect returns the arguments of insertEffect.
func (s *shop[Tx]) effect(ctx context.Context, kind string, w work) []any {
	now, early := time.Now().UnixMilli(), 0
	if now < w.Due {
		early = 1
	}
	return []any{kind, w.Order, background.Attempt(ctx), s.process, now, early}
}

// persist tries until f succeeds, so that a database that is away uses no attempt. What f
// does is not interrupted: what came of it is known.
func persist(ctx context.Context, f func(ctx context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := f(try)
		cancel()
		if err == nil || errors.Is(err, durable.ErrNotOurs) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// takeTime takes the time that a short task does, which may be next to none.
func takeTime(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(rand.N(shortTakes)):
		return nil
	}
}

func (s *shop[Tx]) doOnce(ctx context.Context, w work) error {
	if err := takeTime(ctx); err != nil {
		return err
	}
	return s.finish(ctx, once, w)
}

// finish commits the effect of a task together with its completion.
func (s *shop[Tx]) finish(ctx context.Context, kind string, w work) error {
	return persist(ctx, func(try context.Context) error {
		return s.inTx(try, func(tx Tx) error {
			if err := s.execTx(try, tx, insertEffect, s.effect(ctx, kind, w)...); err != nil {
				return err
			}
			return s.queue.DoneTx(try, tx)
		})
	})
}

func (s *shop[Tx]) do(kind string) func(context.Context, work) error {
	return func(ctx context.Context, w work) error {
		if err := takeTime(ctx); err != nil {
			return err
		}
		return persist(ctx, func(try context.Context) error {
			return s.exec(try, insertEffect, s.effect(ctx, kind, w)...)
		})
	}
}

var errFlaky = errors.New("not at the first attempt")

func (s *shop[Tx]) doFlaky(ctx context.Context, w work) error {
	if background.Attempt(ctx) == 1 {
		return errFlaky
	}
	return s.do(flaky)(ctx, w)
}

func (s *shop[Tx]) doSlowly(ctx context.Context, w work) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(slowTakes):
	}
	return s.finish(ctx, slow, w)
}

func (s *shop[Tx]) die(ctx context.Context, w work) error {
	if err := s.do(running)(ctx, w); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {} // until it is dead
}

// order is the body of a request.
type order struct {
	ID  int64  `json:"id" validate:"required"`
	How string `json:"how" validate:"oneof=tx both response bare"`
}

// created is its answer: what is promised.
type created struct {
	Kinds []string `json:"kinds"`
}

type answer = responses.JSONResponse[created, *background.Tasks]

// create takes an order.
func (s *shop[Tx]) create(ctx context.Context, in order) (none answer, err error) {
	var promised created
	var tasks []*background.Task
	for _, kind := range kindsOf(in.ID, s.isNew) {
		w := work{Order: in.ID}
		if kind != later {
			tasks = append(tasks, s.kinds[kind].Task(w))
		} else {
			due := time.Now().Add(laterBy)
			w.Due = due.UnixMilli()
			tasks = append(tasks, s.kinds[kind].Task(w).At(due))
		}
		promised.Kinds = append(promised.Kinds, kind)
	}
	if in.How != "bare" {
		if err := s.insert(ctx, in, len(promised.Kinds), tasks); err != nil {
			return none, &durable.Error{Op: "take an order", Err: err} // which is a 503
		}
	}
	carried := &background.Tasks{}
	if in.How != "tx" {
		carried.Add(tasks...)
	}
	return responses.JSON(promised, carried), nil
}

// insert has an order and, for some, its tasks committed.
func (s *shop[Tx]) insert(ctx context.Context, in order, kinds int, tasks []*background.Task) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return s.inTx(ctx, func(tx Tx) error {
		if err := s.execTx(ctx, tx, "insert into orders(n, how, kinds) values ($1, $2, $3)", in.ID, in.How, kinds); err != nil {
			return err
		}
		if in.How == "response" {
			return nil
		}
		return s.queue.StoreTx(ctx, tx, tasks...)
	})
}

// poison stores a deadly task.
func (s *shop[Tx]) poison(_ context.Context, in order) (answer, error) {
	carried := &background.Tasks{}
	carried.Add(s.kinds[deadly].Task(work{Order: in.ID}))
	return responses.JSON(created{[]string{deadly}}, carried), nil
}

// alive answers without the database.
func alive(context.Context, struct{}) (string, error) { return "alive", nil }

// serve serves, and works tasks unless the queue only stores.
func (s *shop[Tx]) serve() error {
	app := velithon.New(velithon.Options{
		Queue: s.queue, ShutdownTimeout: shutdownTimeout,
		Runner: background.RunnerOptions{StoreTimeout: storeTimeout},
	})
	app.Post("/order", s.create, routing.Status(201))
	app.Post("/poison", s.poison, routing.Status(201))
	app.Get("/alive", alive)
	return app.Run("127.0.0.1:0")
}

// run is the process.
func (s *shop[Tx]) run(ctx context.Context, role string) error {
	defer s.close()
	if role != worker {
		return s.serve()
	}
	fmt.Fprintln(os.Stderr, "working address=none")
	return s.queue.Run(ctx)
}
