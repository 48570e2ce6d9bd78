package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

type asynqOptions struct {
	// synced has Redis sync each task to the disk before it answers, as the databases do.
	// Without, it keeps snapshots only, and tasks are lost with its process.
	synced bool

	// interval is how often an idle worker looks for tasks. Zero leaves that to Asynq.
	interval time.Duration
}

// redisQueue is Asynq, behind handlers written by hand.
type redisQueue struct {
	options asynqOptions
	place   asynq.RedisClientOpt
	client  *asynq.Client
	looks   *asynq.Inspector
	ids     atomic.Int64
}

func openAsynq(ctx context.Context, address string, o asynqOptions) (*queue, error) {
	if err := setSync(ctx, address, o.synced); err != nil {
		return nil, err
	}
	place := asynq.RedisClientOpt{Addr: address, DB: redisDB}
	r := &redisQueue{options: o, place: place, client: asynq.NewClient(place), looks: asynq.NewInspector(place)}
	return &queue{
		server: r.server,
		store:  r.store,
		worker: r.worker,
		ended: func(context.Context) (int, error) {
			info, err := r.looks.GetQueueInfo("default")
			if errors.Is(err, asynq.ErrQueueNotFound) {
				return 0, nil
			}
			if err != nil {
				return 0, err
			}
			return info.ProcessedTotal, nil
		},
		close: func() error { return errors.Join(r.client.Close(), r.looks.Close()) },
	}, nil
}

// setSync says when Redis writes to the disk.
func setSync(ctx context.Context, address string, synced bool) error {
	client := redis.NewClient(&redis.Options{Addr: address, DB: redisDB})
	appendOnly := "no"
	if synced {
		appendOnly = "yes"
	}
	return errors.Join(
		client.ConfigSet(ctx, "appendfsync", "always").Err(),
		client.ConfigSet(ctx, "appendonly", appendOnly).Err(),
		client.Close(),
	)
}

func (r *redisQueue) enqueue(ctx context.Context, kind string, argument any) error {
	text, err := json.Marshal(argument)
	if err != nil {
		return err
	}
	_, err = r.client.EnqueueContext(ctx, asynq.NewTask(kind, text))
	return err
}

// store stores tasks one by one, which is how Asynq does it, and several at once.
func (r *redisQueue) store(ctx context.Context, from, n int) error {
	var all errgroup.Group
	all.SetLimit(16)
	for i := range n {
		all.Go(func() error { return r.enqueue(ctx, "noop", from+i) })
	}
	return all.Wait()
}

func (r *redisQueue) worker(_ context.Context, workers int, begin func(n int)) (worker, error) {
	tasks := asynq.NewServer(r.place, asynq.Config{
		Concurrency: workers, TaskCheckInterval: r.options.interval, LogLevel: asynq.FatalLevel,
	})
	mux := asynq.NewServeMux()
	mux.HandleFunc("noop", func(_ context.Context, task *asynq.Task) error {
		var n int
		if err := json.Unmarshal(task.Payload(), &n); err != nil {
			return err
		}
		begin(n)
		return nil
	})
	return worker{
		start: func() error { return tasks.Start(mux) },
		stop: func() error {
			tasks.Shutdown()
			return nil
		},
		store: r.store,
	}, nil
}

func (r *redisQueue) server(do string) (server, error) {
	effect, ok := map[string]func(ctx context.Context, in order, id int) error{
		doNothing: func(context.Context, order, int) error { return nil },
		doOne: func(ctx context.Context, in order, id int) error {
			return r.enqueue(ctx, "send_mail", mail{in.Email, id})
		},
	}[do]
	if !ok {
		return server{}, fmt.Errorf("no response of Asynq's does %q", do)
	}
	return byHand(&r.ids, effect), nil
}
