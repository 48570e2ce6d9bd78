package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// The services, by the name that child.Start is given.
const (
	drains = "drains" // its tasks end in time
	stuck  = "stuck"  // some of its tasks would never end
)

// shutdownTimeouts are what the services give a shutdown.
var shutdownTimeouts = map[string]time.Duration{drains: 10 * time.Second, stuck: 300 * time.Millisecond}

// journalVariable has the name of the journal's file in the child's environment.
const journalVariable = "VELITHON_TRIAL_JOURNAL"

// These begin a line of the log that names a task.
const (
	unfinished = "unfinished " // it did not finish
	cancelled  = "cancelled "  // it was cancelled, and did not finish either
	kept       = "kept "       // it was cancelled before it began
	stored     = "stored "     // it came to nothing, and this is its record
	wrong      = "wrong: "     // the runner did not do as the task says
)

// tick is the name of the periodic task, and of its lines in the journal, which are
// numbered.
const tick = "tick"

const (
	collection   = 3 // tasks of a response of /collection or /mixed
	laterOfMixed = 1 // which of the tasks of /mixed is due later than the one before
	atOnce       = 2 // tasks with the limit

	kindName = "stored"
)

// serve is the child: a service whose tasks write a line each to the journal.
// It returns its exit code.
func serve(name string) int {
	// So that a line begins with its level.
	log.SetFlags(0)
	file, err := os.OpenFile(os.Getenv(journalVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // as the parent says
	if err != nil {
		log.Print(err)
		return 1
	}
	defer file.Close()
	service := service{
		journal: file,
		limit:   background.NewLimit(background.LimitOptions{Concurrent: atOnce, PerSecond: 2_000, Burst: 10}),
	}
	service.kind = background.Define(kindName, service.write)
	if name == stuck {
		service.stuckOneIn = 3 // so that the queue fills up in the shortest round, and connections wait
	}
	app := service.app(shutdownTimeouts[name])
	code := 1
	if err = app.Run("127.0.0.1:0"); err == nil {
		code = 0
		err = app.Shutdown(context.Background()) // which names what was due later
	}
	if err == nil {
		return code
	}
	log.Print(err)
	// The text of the error has the first ten names.
	if drain, ok := errors.AsType[*background.DrainError](err); ok {
		for _, task := range slices.Concat(drain.Running, drain.Stopped, drain.Waiting) {
			log.Print(unfinished, task)
		}
	}
	return code
}

type service struct {
	journal    *os.File
	stuckOneIn int // so many tasks do not end; 0 means that all do
	limit      *background.Limit
	kind       background.Kind[string] // of tasks that are stored when they come to nothing
	crowd      atomic.Int64            // tasks with the limit that run
	ticks      int                     // of the periodic task, which never overlaps itself
}

func (s *service) app(shutdownTimeout time.Duration) *velithon.App {
	app := velithon.New(velithon.Options{
		ShutdownTimeout: shutdownTimeout,
		Runner:          background.RunnerOptions{Workers: 16, Queue: 32, OnFailure: nameLost},
	})
	app.Post("/task", s.task)
	app.Post("/retry", s.retry)
	app.Post("/collection", s.collection)
	app.Post("/upload", s.upload)
	app.Post("/stream", s.stream)
	app.Post("/limited", s.limited)
	app.Post("/later", s.later)
	app.Post("/cancelled", s.cancelled)
	app.Post("/mixed", s.mixed)
	app.Post("/stored", s.stored)
	app.Runner().Every(3*time.Millisecond, background.Func(tick, s.tick))
	return app
}

// nameLost names what was cancelled, and stores what can be of the tasks that were
// given up.
func nameLost(_ context.Context, failure *background.TaskError) {
	if errors.Is(failure, background.ErrCanceled) {
		log.Print(cancelled, failure.Name)
	}
	if !errors.Is(failure, background.ErrAbandoned) {
		return
	}
	record, err := failure.Task.Record()
	if err != nil {
		return // it is of no kind
	}
	text, err := json.Marshal(record)
	if err != nil {
		log.Print(wrong, err)
	}
	log.Print(stored, string(text))
}

// tick leaves the number of its journal's line as it is if it could not be written.
func (s *service) tick(context.Context) error {
	_, err := s.journal.WriteString(numbered(tick, s.ticks) + "\n")
	if err == nil {
		s.ticks++
	}
	return err
}

// limited answers with a task of which two run at once.
func (s *service) limited(_ context.Context, in order) (responses.JSONResponse[string, *background.Task], error) {
	return responses.JSON(in.Task, s.crowded(in.Task)), nil
}

// crowded returns a task that has the limit, and looks whether it is kept.
func (s *service) crowded(task string) *background.Task {
	return background.Func(task, func(ctx context.Context) error {
		if crowd := s.crowd.Add(1); crowd > atOnce {
			log.Print(wrong, task, " runs with so many others that have the limit: ", crowd-1)
		}
		defer s.crowd.Add(-1)
		return s.write(ctx, task)
	}).WithLimit(s.limit)
}

// later answers with a task that starts up to 30 ms later.
func (s *service) later(_ context.Context, in order) (responses.JSONResponse[string, *background.Task], error) {
	return responses.JSON(in.Task, s.after(in.Task, rand.N(30*time.Millisecond))), nil
}

// after returns a task that starts later, and looks whether it does.
func (s *service) after(task string, wait time.Duration) *background.Task {
	made := time.Now()
	return background.Func(task, func(ctx context.Context) error {
		if waited := time.Since(made); waited < wait {
			log.Print(wrong, task, " was to begin after ", wait, ", and did after ", waited)
		}
		return s.write(ctx, task)
	}).After(wait)
}

// cancelled answers with a task that is cancelled while it waits, runs, or has ended.
func (s *service) cancelled(_ context.Context, in order) (responses.JSONResponse[string, *background.Handle], error) {
	task := s.note(in.Task)
	switch rand.IntN(3) {
	case 0:
		task = task.After(rand.N(5 * time.Millisecond))
	case 1:
		task = task.WithLimit(s.limit)
	}
	handle := background.Track(task)
	time.AfterFunc(rand.N(8*time.Millisecond), func() {
		told := handle.Cancel(nil)
		if info := handle.Info(); told && info.State == background.Canceled && info.Attempt == 0 {
			log.Print(kept, in.Task)
		}
	})
	return responses.JSON(in.Task, handle), nil
}

// mixed answers with a collection whose tasks run one after the other: one of them
// pauses before, and another one has a limit.
func (s *service) mixed(_ context.Context, in order) (responses.JSONResponse[string, *background.Tasks], error) {
	tasks := &background.Tasks{MaxConcurrent: 1}
	tasks.Add(s.note(numbered(in.Task, 0)), s.after(numbered(in.Task, laterOfMixed), 3*time.Millisecond), s.crowded(numbered(in.Task, 2)))
	return responses.JSON(in.Task, tasks), nil
}

// stored answers with a task of a kind, which may be due later, and goes through a
// record before, as if it came from a process that ended.
func (s *service) stored(_ context.Context, in order) (r responses.JSONResponse[string, *background.Task], err error) {
	record, err := s.kind.Task(in.Task).Named(in.Task).After(rand.N(30 * time.Millisecond)).Record()
	if err != nil {
		return r, err
	}
	task, err := s.kind.Restore(record)
	return responses.JSON(in.Task, task), err
}

// order is the input of the handlers: the task that the response carries.
type order struct {
	Task string `query:"task" validate:"required"`
}

func (s *service) task(_ context.Context, in order) (responses.JSONResponse[string, *background.Task], error) {
	return responses.JSON(in.Task, s.note(in.Task)), nil
}

// retry answers with a task that fails at first.
func (s *service) retry(_ context.Context, in order) (responses.JSONResponse[string, *background.Task], error) {
	var failed atomic.Bool
	task := background.Func(in.Task, func(ctx context.Context) error {
		if failed.CompareAndSwap(false, true) {
			return errors.New("not yet")
		}
		return s.write(ctx, in.Task)
	})
	return responses.JSON(in.Task, task.WithRetry(background.Retry{Attempts: 2, Backoff: 20 * time.Millisecond})), nil
}

// collection takes a body, which clients send in chunks, and answers with
// several tasks.
func (s *service) collection(_ context.Context, in struct {
	order

	Items []string `body:"" validate:"required"`
},
) (responses.JSONResponse[int, *background.Tasks], error) {
	tasks := &background.Tasks{MaxConcurrent: 2}
	for i := range collection {
		tasks.Add(s.note(numbered(in.Task, i)))
	}
	return responses.JSON(len(in.Items), tasks), nil
}

func numbered(task string, i int) string { return task + "." + strconv.Itoa(i) }

// upload answers with a task that reads the file.
func (s *service) upload(_ context.Context, in struct {
	order

	File params.File `form:"file" validate:"required"`
},
) (responses.JSONResponse[int64, *background.Task], error) {
	task := background.Func(in.Task, func(ctx context.Context) error {
		file, err := in.File.Open()
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := file.Read(make([]byte, 1)); err != nil {
			return err
		}
		return s.write(ctx, in.Task)
	})
	return responses.JSON(in.File.Size, task), nil
}

// stream sends parts until it is told that the service shuts down.
func (s *service) stream(ctx context.Context, in order) (*responses.StreamResponse, error) {
	response := responses.Stream("text/plain", func(w *responses.StreamWriter) error {
		for part := 0; part < 20 && ctx.Err() == nil; part++ {
			if _, err := w.WriteString(in.Task); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
			pause(ctx, 2*time.Millisecond)
		}
		return nil
	})
	response.Background = s.note(in.Task)
	return response, nil
}

func (s *service) note(task string) *background.Task {
	return background.NewTask(s.write, task).Named(task)
}

// write is the work of all tasks.
func (s *service) write(ctx context.Context, task string) error {
	if s.stuckOneIn > 0 && rand.IntN(s.stuckOneIn) == 0 {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	pause(ctx, rand.N(8*time.Millisecond))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, err := s.journal.WriteString(task + "\n") // one write, so lines are whole
	return err
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
