// Jobs makes reports that take a while: the answer tells where to ask how far one is,
// and the client follows it, or cancels it.
//
//	go run ./examples/jobs
//
//	curl -i --json '{"year":2026}' http://127.0.0.1:8080/reports
//	HTTP/1.1 202 Accepted
//	Location: /jobs/ZSHBLKNJ4BDOLGDNOBMPQ2JJH4
//	{"id":"ZSHBLKNJ4BDOLGDNOBMPQ2JJH4","state":"waiting"}
//
//	curl http://127.0.0.1:8080/jobs/ZSHBLKNJ4BDOLGDNOBMPQ2JJH4
//	{"id":"ZSHBLKNJ4BDOLGDNOBMPQ2JJH4","state":"running","progress":{"month":3}}
//
//	curl -N http://127.0.0.1:8080/jobs/ZSHBLKNJ4BDOLGDNOBMPQ2JJH4/events
//	data: {"id":"ZSHBLKNJ4BDOLGDNOBMPQ2JJH4","state":"running","progress":{"month":4}}
//	…
//	event: end
//	data: {"id":"ZSHBLKNJ4BDOLGDNOBMPQ2JJH4","state":"succeeded","progress":{"month":12}}
//
//	curl -i -X DELETE http://127.0.0.1:8080/jobs/ZSHBLKNJ4BDOLGDNOBMPQ2JJH4
//	HTTP/1.1 204 No Content
//
// or 409 once the job has ended. At most two reports are made at the same time; others
// wait. A job is forgotten an hour after its end.
//
// http://localhost:8080/admin/ is a page on which all of this can be watched, and a job be
// cancelled. It has no guard, so it is for this machine only.
package main

import (
	"context"
	"errors"
	"log"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type request struct {
	Year int `json:"year" validate:"min=2000,max=2100"`
}

// progress is what a report says of itself.
type progress struct {
	Month int `json:"month"`
}

// job is what a client may know. Why a report could not be made is in the log.
type job struct {
	ID       string           `json:"id"`
	State    background.State `json:"state"`
	Progress any              `json:"progress,omitempty"`
}

type named struct {
	ID string `path:"id"`
}

var (
	errNoJob     = responses.NewProblem(404, "no such job, or it ended long ago")
	errEnded     = responses.NewProblem(409, "the job has ended")
	errUnwelcome = errors.New("the client does not want it any more")
)

// service makes reports, of which month makes a part.
type service struct {
	app    *velithon.App
	report background.Kind[request]
	month  func(ctx context.Context, year, month int) error
}

func newService(month func(ctx context.Context, year, month int) error) *service {
	s := &service{month: month}
	s.report = background.Define("report", s.makeReport,
		background.NewLimit(background.LimitOptions{Concurrent: 2}),
		background.ShowArgument()) // a year is nobody's secret

	s.app = velithon.New(velithon.Options{Runner: background.RunnerOptions{Keep: time.Hour}})
	s.app.Post("/reports", s.create, routing.Status(202))
	noJob := map[int]openapi.Response{404: {Description: "No such job, or it ended long ago"}}
	s.app.Get("/jobs/{id}", s.show, openapi.Describe(openapi.Operation{Responses: noJob}))
	s.app.Get("/jobs/{id}/events", s.follow, openapi.Describe(openapi.Operation{Responses: noJob}))
	s.app.Delete("/jobs/{id}", s.cancel, openapi.Describe(openapi.Operation{
		Responses: map[int]openapi.Response{404: noJob[404], 409: {Description: "The job has ended"}},
	}))
	dashboard.Mount(s.app.Group("/admin"), dashboard.Runner(s.app.Runner()), dashboard.Options{Acts: true})
	openapi.Mount(s.app, openapi.Options{Info: openapi.Info{
		Title:       "Reports",
		Version:     "1.0.0",
		Description: "Makes reports that take a while, and tells how far they are.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return s
}

func (s *service) create(_ context.Context, in request) (responses.JSONResponse[job, *background.Handle], error) {
	handle := background.Track(s.report.Task(in))
	answer := responses.JSON(tell(handle), handle)
	answer.Header = responses.Header{"Location": {"/jobs/" + handle.ID()}}
	return answer, nil
}

func (s *service) makeReport(ctx context.Context, in request) error {
	for month := 1; month <= 12; month++ {
		background.Progress(ctx, progress{month})
		if err := s.month(ctx, in.Year, month); err != nil {
			return err
		}
	}
	return nil
}

func tell(handle *background.Handle) job {
	info := handle.Info()
	return job{info.ID, info.State, info.Progress}
}

func (s *service) show(_ context.Context, in named) (job, error) {
	handle, ok := s.app.Runner().Lookup(in.ID)
	if !ok {
		return job{}, errNoJob
	}
	return tell(handle), nil
}

func (s *service) cancel(_ context.Context, in named) (responses.NoContentResponse, error) {
	handle, ok := s.app.Runner().Lookup(in.ID)
	if !ok {
		return responses.NoContent(), errNoJob
	}
	if !handle.Cancel(errUnwelcome) {
		return responses.NoContent(), errEnded
	}
	return responses.NoContent(), nil
}

func (s *service) follow(ctx context.Context, in named) (*responses.EventStreamResponse, error) {
	handle, ok := s.app.Runner().Lookup(in.ID)
	if !ok {
		return nil, errNoJob
	}
	return responses.EventStream(func(events *responses.EventWriter) error {
		for {
			changed := handle.Changed() // before it is told, so that nothing is missed
			now := tell(handle)
			if now.State.Ended() {
				return events.SendJSON("end", now) // tells the page to close its EventSource, which would connect again
			}
			if err := events.SendJSON("", now); err != nil {
				return err
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return nil // the page has gone, or the service shuts down and the page comes again
			}
		}
	}), nil
}

func compute(ctx context.Context, _, _ int) error {
	select {
	case <-time.After(time.Second):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func main() {
	if err := newService(compute).app.Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
