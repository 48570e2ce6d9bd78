package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/valyala/fasthttp"
)

// The arguments as River has them.
type (
	mailArgs struct{ mail }
	itemArgs struct{ items }
	noopArgs struct {
		N int `json:"n"`
	}
)

// Kind implements [river.JobArgs].
func (mailArgs) Kind() string { return "send_mail" }

// Kind implements [river.JobArgs].
func (itemArgs) Kind() string { return "take_inventory" }

// Kind implements [river.JobArgs].
func (noopArgs) Kind() string { return "noop" }

// noopWorker works tasks that do nothing but tell that they have begun.
type noopWorker struct {
	river.WorkerDefaults[noopArgs]

	begin func(n int)
}

// Work implements [river.Worker].
func (w *noopWorker) Work(_ context.Context, job *river.Job[noopArgs]) error {
	w.begin(job.Args.N)
	return nil
}

// direct is River used directly, behind handlers written by hand.
type direct[Tx any] struct {
	database *database[Tx]
	client   *river.Client[Tx]
	cooldown time.Duration // zero for River's own
	ids      atomic.Int64
}

// openRiver has River look for tasks as often as our queue has it do.
func openRiver[Tx any](d *database[Tx]) (*queue, error) { return openDirect(d, d.cooldown) }

// openRiverDefaults leaves that to River.
func openRiverDefaults[Tx any](d *database[Tx]) (*queue, error) { return openDirect(d, 0) }

func openDirect[Tx any](d *database[Tx], cooldown time.Duration) (*queue, error) {
	r := &direct[Tx]{database: d, cooldown: cooldown}
	client, err := river.NewClient(d.driver, r.config())
	if err != nil {
		return nil, err
	}
	r.client = client
	return &queue{
		server: r.server,
		store:  inserter(client),
		worker: r.worker,
		ended:  d.ended,
		close:  d.close,
	}, nil
}

// inserter stores tasks that do nothing.
func inserter[Tx any](client *river.Client[Tx]) func(ctx context.Context, from, n int) error {
	return func(ctx context.Context, from, n int) error {
		all := make([]river.InsertManyParams, n)
		for i := range all {
			all[i].Args = noopArgs{from + i}
		}
		_, err := client.InsertMany(ctx, all)
		return err
	}
}

// config is that of a client that only stores. Also there a cooldown counts: it is the
// least time between two notices of new tasks.
func (r *direct[Tx]) config() *river.Config {
	config := &river.Config{Logger: quiet}
	if r.cooldown > 0 {
		config.FetchCooldown, config.FetchPollInterval = r.cooldown, max(r.cooldown, 100*time.Millisecond)
	}
	return config
}

func (r *direct[Tx]) worker(ctx context.Context, workers int, begin func(n int)) (worker, error) {
	config := r.config()
	config.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}
	config.Workers = river.NewWorkers()
	river.AddWorker(config.Workers, &noopWorker{begin: begin})
	client, err := river.NewClient(r.database.driver, config)
	if err != nil {
		return worker{}, err
	}
	return worker{
		start: func() error { return client.Start(ctx) },
		stop:  func() error { return client.Stop(context.WithoutCancel(ctx)) },
		store: inserter(client),
	}, nil
}

func (r *direct[Tx]) server(do string) (server, error) {
	effect, ok := map[string]func(ctx context.Context, in order, id int) error{
		doNothing: func(context.Context, order, int) error { return nil },
		doOne: func(ctx context.Context, in order, id int) error {
			_, err := r.client.Insert(ctx, mailArgs{mail{in.Email, id}}, nil)
			return err
		},
		doOrder: func(ctx context.Context, in order, _ int) error {
			return r.database.inTx(ctx, func(tx Tx) error { return r.database.add(ctx, tx, in.Email) })
		},
		doOrderTx: func(ctx context.Context, in order, id int) error {
			return r.database.inTx(ctx, func(tx Tx) error {
				if err := r.database.add(ctx, tx, in.Email); err != nil {
					return err
				}
				_, err := r.client.InsertManyTx(ctx, tx, []river.InsertManyParams{
					{Args: mailArgs{mail{in.Email, id}}}, {Args: itemArgs{items{id, in.SKUs}}},
				})
				return err
			})
		},
	}[do]
	if !ok {
		return server{}, fmt.Errorf("no response does %q", do)
	}
	return byHand(&r.ids, effect), nil
}

// byHand is a server as one writes it with fasthttp.
func byHand(ids *atomic.Int64, effect func(ctx context.Context, in order, id int) error) server {
	s := &fasthttp.Server{Logger: silent{}, Handler: func(raw *fasthttp.RequestCtx) {
		var in order
		if err := json.Unmarshal(raw.PostBody(), &in); err != nil {
			raw.Error(err.Error(), fasthttp.StatusBadRequest)
			return
		}
		id := int(ids.Add(1))
		text, err := json.Marshal(created{id})
		if err == nil {
			err = effect(raw, in, id)
		}
		if err != nil {
			raw.Error(err.Error(), fasthttp.StatusServiceUnavailable)
			return
		}
		raw.SetStatusCode(fasthttp.StatusCreated)
		raw.SetContentType("application/json")
		raw.SetBody(text)
	}}
	return server{s.Serve, s.Shutdown}
}

// silent is a log that nobody reads.
type silent struct{}

// Printf implements [fasthttp.Logger].
func (silent) Printf(string, ...any) {}
