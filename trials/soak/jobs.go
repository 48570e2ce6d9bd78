package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// This file has the work that clients follow and cancel, and what the service does
// to its runner while it works.

// tickEvery is the time of the periodic task.
const tickEvery = 20 * time.Millisecond

// told is what a client learns of its job.
type told struct {
	ID      string           `json:"id"`
	State   background.State `json:"state"`
	Attempt int              `json:"attempt"`
}

func tell(h *background.Handle) told {
	info := h.Info()
	return told{info.ID, info.State, info.Attempt}
}

type jobID struct {
	ID string `path:"id"`
}

func (s *service) addJobs(app *velithon.App) {
	app.Post("/jobs/{work}", s.createJob, routing.Status(202))
	app.Get("/jobs/{id}/events", s.followJob)
	app.Delete("/jobs/{id}", s.cancelJob)
	app.Get("/tasks", s.countTasks)
	app.Post("/pause", s.pause)
	app.Post("/stop", s.stop)
	if s.around {
		app.Runner().Use(func(ctx context.Context, _ *background.Task, run func(context.Context) error) error {
			s.attempts.Add(1)
			return run(ctx)
		})
	}
	s.stopTicks = app.Runner().Every(tickEvery, background.Func("tick", s.tick))
}

// tick is the periodic task.
func (s *service) tick(context.Context) error {
	if s.ticking.Swap(true) {
		return errors.New("two ticks overlap")
	}
	defer s.ticking.Store(false)
	s.ticks.Add(1)
	time.Sleep(time.Millisecond)
	return nil
}

// stop ends the ticks, and waits until nothing is left to do.
func (s *service) stop(ctx context.Context, _ struct{}) (struct{}, error) {
	s.stopTicks()
	return struct{}{}, s.app.Runner().Idle(ctx)
}

// pause lets nothing start for a moment.
func (s *service) pause(context.Context, struct{}) (struct{}, error) {
	s.app.Runner().Pause()
	time.Sleep(2 * time.Millisecond)
	s.app.Runner().Resume()
	return struct{}{}, nil
}

// countTasks looks at all tasks. What it sees of them while the runner goes on is of no
// one moment.
func (s *service) countTasks(context.Context, struct{}) (n int, err error) {
	for task := range s.app.Runner().Tasks() {
		if task.State.Ended() || task.Name == "" || task.Context == nil {
			err = fmt.Errorf("there is a task %+v", task)
		}
		n++
	}
	return n, err
}

// createJob answers with the id of its work, which is a single task.
func (s *service) createJob(_ context.Context, in struct {
	Work string `path:"work"`
	N    int    `query:"n"`
},
) (r responses.JSONResponse[told, *background.Handle], err error) {
	w := workNamed(in.Work)
	if w == nil || len(w.deeds) != 1 {
		return r, responses.NewProblem(404, "no such work")
	}
	handle := background.Track(w.steps(s.journal, in.N)[0].task())
	return responses.JSON(tell(handle), handle), nil
}

var errNoJob = responses.NewProblem(404, "no such job, or it ended long ago")

func (s *service) cancelJob(_ context.Context, in jobID) (told, error) {
	handle, found := s.app.Runner().Lookup(in.ID)
	if !found {
		return told{}, errNoJob
	}
	if !handle.Cancel(errDeed) {
		return told{}, responses.NewProblem(409, "it has ended")
	}
	return tell(handle), nil
}

func (s *service) followJob(ctx context.Context, in jobID) (*responses.EventStreamResponse, error) {
	handle, found := s.app.Runner().Lookup(in.ID)
	if !found {
		return nil, errNoJob
	}
	return responses.EventStream(func(events *responses.EventWriter) error {
		for {
			changed := handle.Changed()
			now := tell(handle)
			if err := events.SendJSON("", now); err != nil || now.State.Ended() {
				return err
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return nil
			}
		}
	}), nil
}

// jobWorks are those of which a client learns the id.
var jobWorks = weighted[string]{
	{3, "single"},
	{3, "limited"},
	{3, "later"},
	{1, "recovers"},
	{1, "comes-back"},
	{3, "restored"},
	{6, "cut-short"},
	{4, "cut-later"},
}

// job asks for work, and follows it, leaves it or cancels it before.
func (v *visitor) job() error {
	return v.onConn(func(c *conn) error {
		w := workNamed(jobWorks.pick())
		n := v.ledger.add([]string{w.deeds[0].ends})
		var now told
		r := v.carrying(n, 202, promised, request{head: head("POST", "/jobs/"+w.name+"?n="+strconv.Itoa(n), []byte{})})
		check := r.check
		r.check = func(a answer) error {
			if a.status == 202 {
				if err := json.Unmarshal(a.body, &now); err != nil {
					return err
				}
			}
			return check(a)
		}
		if err := v.ask(c, r); err != nil || now.ID == "" { // refused
			return err
		}
		switch rand.IntN(3) {
		case 0:
			return v.followJob(c, n, now.ID, 1<<20)
		case 1:
			v.figures.mayHaveLogged(logStreamEnded)
			return v.followJob(c, n, now.ID, rand.IntN(2))
		}
		if err := v.cancelJob(c, n, now.ID); err != nil {
			return err
		}
		return v.followJob(c, n, now.ID, 1<<20)
	})
}

// cancelJob cancels a job. If it had not begun it has to end as failed.
func (v *visitor) cancelJob(c *conn, n int, id string) error {
	v.ledger.mayEnd(n, failed)
	return v.ask(c, request{head: head("DELETE", "/jobs/"+id, nil), check: func(a answer) error {
		if a.status == 404 || a.status == 409 { // it has ended, perhaps long ago
			return nil
		}
		var now told
		if err := json.Unmarshal(a.body, &now); err != nil {
			return err
		}
		if now.State == background.Canceled && now.Attempt == 0 {
			v.ledger.ended(n, failed)
		}
		return status(200)(a)
	}})
}

// followJob reads up to so many events of a job. The last one says how it has ended.
func (v *visitor) followJob(c *conn, n int, id string, events int) error {
	r := request{head: head("GET", "/jobs/"+id+"/events", nil)}
	if err := c.send(r); err != nil {
		return err
	}
	response, err := c.begin(r) //nolint:bodyclose // to close it would read the rest
	if err != nil {
		return err
	}
	v.figures.answered(response.StatusCode)
	if response.StatusCode == 404 { // it has ended long ago
		return nil
	}
	var now told
	for lines := bufio.NewScanner(response.Body); events > 0 && lines.Scan(); {
		text, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		before := now
		if err := json.Unmarshal([]byte(text), &now); err != nil {
			return err
		}
		if before.State.Ended() || now.Attempt < before.Attempt || now.ID != id {
			return fmt.Errorf("job %s is told to be %+v after %+v", id, now, before)
		}
		events--
	}
	switch now.State {
	case background.Succeeded:
		v.ledger.ended(n, succeeded)
	case background.Failed, background.Canceled:
		v.ledger.ended(n, failed)
	default:
		if events > 0 {
			return fmt.Errorf("the events of job %s ended with %+v", id, now)
		}
	}
	return nil
}
