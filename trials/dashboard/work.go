package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// workers are those of the runner, some of which have work that does not end.
const (
	workers = 64
	held    = 3
)

// hostile is a text that would do something if it were not escaped.
const hostile = `"><script>window.hacked=1</script><img src=x onerror=window.hacked=2>`

type order struct {
	Number int    `json:"number"`
	Note   string `json:"note,omitempty"`
}

// percent is what a report says of itself.
type percent struct {
	Percent int `json:"percent"`
}

// holds runs until it is told to end.
func holds(ctx context.Context, o order) error {
	background.Progress(ctx, percent{o.Number * 20})
	<-ctx.Done()
	return context.Cause(ctx)
}

// begin submits tasks that come into each of the states, and stay there.
func begin(ctx context.Context, app *velithon.App, harmless bool) error {
	watched := []background.KindOption{background.Followed(), background.ShowArgument()}
	later := background.Retry{Attempts: 3, Backoff: 2 * time.Hour, MaxBackoff: 2 * time.Hour}
	report := background.Define("report", holds, append(watched, background.NewLimit(background.LimitOptions{Concurrent: 2}))...)
	charge := background.Define("charge", func(context.Context, order) error { return errors.New("the card was declined") }, append(watched, later)...)
	imports := background.Define("import", func(context.Context, order) error { panic("no such column: price") }, watched...)
	digest := background.Define("digest", func(context.Context, order) error { return nil }, watched...)
	stuck := background.Define("stuck", holds)
	evil := background.Define(hostile, func(_ context.Context, o order) error { return errors.New(o.Note) }, watched...)
	app.Post("/orders", func(context.Context, struct{}) (responses.TextResponse, error) {
		answer := responses.Text("ordered")
		answer.Background = digest.Task(order{Number: 9}).Named("digest of an order")
		return answer, nil
	})
	var tasks []*background.Task
	for i := range 4 {
		tasks = append(tasks, report.Task(order{Number: i + 1}).Named(fmt.Sprint("report ", i+1)))
	}
	for i := range 2 {
		tasks = append(tasks, charge.Task(order{Number: i + 1}).Named(fmt.Sprint("charge ", i+1)))
	}
	tasks = append(tasks,
		imports.Task(order{Number: 1}), stuck.Task(order{Number: 2}),
		digest.Task(order{Number: 1}).Named("digest 1").After(time.Hour), digest.Task(order{Number: 2}).Named("digest 2").After(2*time.Hour),
		digest.Task(order{Number: 3}).Named("digest 3"),
	)
	if !harmless {
		tasks = append(tasks, evil.Task(order{Note: hostile}).Named(hostile))
	}
	for _, t := range tasks {
		if err := app.Runner().Submit(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// load has so many tasks wait all the time, and so many a second come and end, until ctx is
// done: as many as the workers do come, so those that wait stay.
func load(ctx context.Context, r *background.Runner, waiting, rate int) {
	takes := time.Second * (workers - held) / time.Duration(rate)
	click := background.Define("click", func(ctx context.Context, _ order) error {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
		}
		return nil
	})
	const every = 10 * time.Millisecond
	inATick := int(every.Seconds() * float64(rate))
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; {
		for range waiting + inATick - r.Stats().Queued {
			n++
			if r.Submit(ctx, click.Task(order{Number: n})) != nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
