// Package health has the endpoints that a load balancer or Kubernetes asks: whether the
// process lives, and whether it is ready for requests.
//
//	app.Get("/livez", health.Live)
//	app.Get("/readyz", health.Ready(app, health.Check{Name: "database", Run: db.PingContext}))
//
// They are routes as others are: behind the middleware of the app, and described.
package health

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// A Status is what a healthy service answers.
type Status struct {
	Status string `json:"status"` // "live" or "ready"
}

// Live answers 200 as long as the process serves requests. It asks nobody: a service is not
// mended by a restart because its database is away.
func Live(context.Context, struct{}) (LiveAnswer, error) {
	return LiveAnswer{answer(Status{"live"})}, nil
}

// A LiveAnswer is the response of [Live].
type LiveAnswer struct {
	responses.ContentResponse[Status]
}

// A ReadyAnswer is the response of [Ready] while the service is.
type ReadyAnswer struct {
	responses.ContentResponse[Status]
}

// Describe implements [responses.Described].
func (r ReadyAnswer) Describe() responses.Description {
	d := r.ContentResponse.Describe()
	d.Answers = append(d.Answers, responses.Answer{
		Status: unready, ContentType: "application/problem+json", Text: "The service shuts down, its runner is full, or a check has failed.",
	})
	return d
}

// unready is the status while a service is not ready.
const unready = 503

// noStore keeps an answer out of caches.
var noStore = responses.Header{"Cache-Control": {"no-store"}}

func answer(s Status) responses.ContentResponse[Status] {
	r := responses.Content(s)
	r.Header = noStore
	return r
}

// An App is what can be ready, such as a *velithon.App.
type App interface {
	// Runner returns the runner, which may have a durable queue.
	Runner() *background.Runner

	// Draining reports whether the shutdown has begun.
	Draining() bool
}

// A Failure is what the "errors" of the problem say of a check.
type Failure struct {
	Check  string `json:"check"`
	Reason string `json:"reason"` // "failed" or "timed out"; the log has the error
}

// A pinger is a queue whose database can be away, as a durable.Queue is.
type pinger interface {
	// Ping returns what is in the way of an answer.
	Ping(ctx context.Context) error
}

// The names of the checks that there are without a [Check].
const (
	checkShutdown = "shutdown"
	checkRunner   = "runner"
	checkQueue    = "queue"
)

// Ready returns a handler that answers 200 while the service can do its work, and else a 503
// problem whose "errors" name what is in the way: "shutdown" once that has begun, "runner"
// while that is full (see [background.Runner.IsFull]), "queue" while the database of the
// app's durable queue does not answer within a second, and each of the checks that fails.
// Its error is in the log, and not told.
//
// Checks run at the same time, and each at most once at a time: requests that come meanwhile
// wait for what comes of it. Ready panics if a check has no name, one that is taken, no
// function or a negative timeout.
func Ready(app App, checks ...Check) func(context.Context, struct{}) (ReadyAnswer, error) {
	r := &readiness{app: app}
	if queue, ok := app.Runner().Store().(pinger); ok {
		r.add(Check{Name: checkQueue, Run: queue.Ping})
	}
	for _, c := range checks {
		r.add(c)
	}
	return r.ready
}

// readiness is what [Ready] asks.
type readiness struct {
	app    App
	checks []*check
}

func (r *readiness) add(c Check) {
	taken := c.Name == checkShutdown || c.Name == checkRunner
	for _, other := range r.checks {
		taken = taken || other.Name == c.Name
	}
	switch {
	case c.Name == "":
		panic("health: a check has no name")
	case taken:
		panic(fmt.Sprintf("health: there are two checks %q: give one another name", c.Name))
	case c.Run == nil:
		panic(fmt.Sprintf("health: the check %q has no function Run", c.Name))
	case c.Timeout < 0:
		panic(fmt.Sprintf("health: the timeout of the check %q is %s: use 0 for the default", c.Name, c.Timeout))
	}
	r.checks = append(r.checks, &check{Check: c})
}

func (r *readiness) ready(ctx context.Context, _ struct{}) (ReadyAnswer, error) {
	var failures []Failure
	var causes []error
	fail := func(name, reason string, err error) {
		failures = append(failures, Failure{name, reason})
		causes = append(causes, fmt.Errorf("%s: %w", name, err))
	}
	if r.app.Draining() {
		fail(checkShutdown, "failed", errDraining)
	}
	if r.app.Runner().IsFull() {
		fail(checkRunner, "failed", background.ErrFull)
	}
	runs := make([]*run, len(r.checks))
	for i, c := range r.checks {
		runs[i] = c.begin()
	}
	for i, c := range r.checks {
		switch err := runs[i].wait(ctx); {
		case errors.Is(err, errTimeout):
			fail(c.Name, "timed out", err)
		case err != nil:
			fail(c.Name, "failed", err)
		}
	}
	if len(failures) == 0 {
		return ReadyAnswer{answer(Status{"ready"})}, nil
	}
	names := make([]string, len(failures))
	for i, f := range failures {
		names[i] = f.Check
	}
	problem := responses.NewProblem(unready, "not ready: "+strings.Join(names, ", "))
	problem.Errors, problem.Header = failures, noStore
	return ReadyAnswer{}, problem.WithCause(errors.Join(causes...))
}

var errDraining = errors.New("health: the shutdown has begun")
