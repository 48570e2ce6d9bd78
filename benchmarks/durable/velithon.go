package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// noop is the kind of tasks that do nothing but tell that they have begun.
func noop(begin func(n int)) background.Kind[int] {
	return background.Define("noop", func(_ context.Context, n int) error {
		begin(n)
		return nil
	})
}

// shop takes orders by velithon.
type shop[Tx any] struct {
	database *database[Tx]
	queue    *durable.Queue[Tx]
	ids      atomic.Int64

	sendMail      background.Kind[mail]
	takeInventory background.Kind[items]
}

func openVelithon[Tx any](d *database[Tx]) (*queue, error) {
	s := &shop[Tx]{
		database:      d,
		sendMail:      background.Define("send_mail", func(context.Context, mail) error { return nil }),
		takeInventory: background.Define("take_inventory", func(context.Context, items) error { return nil }),
	}
	idle := noop(nil)
	var err error
	s.queue, err = d.open(context.Background(), durable.Options{StoreOnly: true, Logger: quiet}, s.sendMail, s.takeInventory, idle)
	if err != nil {
		return nil, err
	}
	return &queue{
		server: s.server,
		store:  storer(s.queue, idle),
		worker: s.worker,
		ended:  d.ended,
		close:  d.close,
	}, nil
}

// storer stores tasks that do nothing.
func storer[Tx any](q *durable.Queue[Tx], kind background.Kind[int]) func(ctx context.Context, from, n int) error {
	return func(ctx context.Context, from, n int) error {
		tasks := make([]*background.Task, n)
		for i := range tasks {
			tasks[i] = kind.Task(from + i)
		}
		return q.Submit(ctx, tasks...)
	}
}

// worker has a queue of its own, as a process that only works has.
func (s *shop[Tx]) worker(ctx context.Context, workers int, begin func(n int)) (worker, error) {
	kind := noop(begin)
	q, err := s.database.open(ctx, durable.Options{Workers: workers, Logger: quiet}, kind)
	if err != nil {
		return worker{}, err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	return worker{
		start: func() error {
			go func() { ended <- q.Run(running) }()
			return nil
		},
		stop: func() error {
			cancel()
			return <-ended
		},
		store: storer(q, kind),
	}, nil
}

type answer = responses.JSONResponse[created, *background.Task]

// server returns an app that only stores.
func (s *shop[Tx]) server(do string) (server, error) {
	handler, ok := map[string]func(ctx context.Context, in order) (answer, error){
		doNothing: func(context.Context, order) (answer, error) {
			return responses.JSON[created, *background.Task](s.created(), nil), nil
		},
		doOne: func(_ context.Context, in order) (answer, error) {
			c := s.created()
			return responses.JSON(c, s.sendMail.Task(mail{in.Email, c.ID})), nil
		},
		doOrder: func(ctx context.Context, in order) (answer, error) {
			return s.inTx(ctx, in, false)
		},
		doOrderTx: func(ctx context.Context, in order) (answer, error) {
			return s.inTx(ctx, in, true)
		},
	}[do]
	if !ok {
		return server{}, fmt.Errorf("no response does %q", do)
	}
	app := velithon.New(velithon.Options{Logger: quiet, Queue: s.queue})
	app.Post("/orders", handler, routing.Status(201))
	return server{app.Serve, func() error { return app.Shutdown(context.Background()) }}, nil
}

func (s *shop[Tx]) created() created { return created{int(s.ids.Add(1))} }

// inTx adds an order, with its tasks if there are to be some.
func (s *shop[Tx]) inTx(ctx context.Context, in order, withTasks bool) (answer, error) {
	c := s.created()
	err := s.database.inTx(ctx, func(tx Tx) error {
		if err := s.database.add(ctx, tx, in.Email); err != nil || !withTasks {
			return err
		}
		return s.queue.StoreTx(ctx, tx, s.sendMail.Task(mail{in.Email, c.ID}), s.takeInventory.Task(items{c.ID, in.SKUs}))
	})
	return responses.JSON[created, *background.Task](c, nil), err
}
