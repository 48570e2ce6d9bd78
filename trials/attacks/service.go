package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The names of the services: what their runner does with work for which it has
// no room, and whether routes have time limits of their own, in which case
// fasthttp keeps all of them.
const (
	rejecting = "rejecting"
	blocking  = "blocking"
	leisurely = "leisurely" // and rejecting
	jobbing   = "jobbing"   // and rejecting, with a desk
)

// sizeVariable has the size of the trial, in the environment of the service.
const sizeVariable = "VELITHON_ATTACKS_SIZE"

// A size is the share of the full attacks that a trial makes, in hundredths. It
// is in the number of connections and requests, not in what one of them does.
type size int

const (
	full  size = 100
	small size = 1
)

// of returns the share of n, and at least 2.
func (s size) of(n int) int { return max(2, n*int(s)/int(full)) }

// timeout is that for reading, writing and idling. The defaults would only
// make the attacks longer.
func (s size) timeout() time.Duration {
	if s == full {
		return 5 * time.Second
	}
	return 2 * time.Second
}

// guestEvery is the time from one guest to the next. Small trials run all at once,
// and guests who come faster than a busy machine serves them pile up.
func (s size) guestEvery() time.Duration {
	if s == full {
		return 5 * time.Millisecond
	}
	return 50 * time.Millisecond
}

const (
	bodyLimit  = 4 << 20
	batchLimit = 32 << 20 // of the route that takes large bodies

	// downloadSize is more than sockets take without being read: up to 4 MiB,
	// where the server did not limit it.
	downloadSize = 16 << 20
)

const (
	workers  = 8
	queue    = 64
	taskTime = 5 * time.Millisecond
)

// serve runs the service that is attacked, until it gets SIGTERM.
func serve(name string) error {
	n, err := strconv.Atoi(os.Getenv(sizeVariable))
	if err != nil {
		return fmt.Errorf("%s: %w", sizeVariable, err)
	}
	s := size(n)
	runner := background.RunnerOptions{Workers: workers, Queue: queue, Overflow: background.Reject}
	switch name {
	case blocking:
		runner.Overflow = background.Block
	case jobbing:
		runner.Queue, runner.Keep = jobsQueue, jobsKeep
	}
	app := velithon.New(velithon.Options{
		BodyLimit:    bodyLimit,
		ReadTimeout:  s.timeout(),
		WriteTimeout: s.timeout(),
		IdleTimeout:  s.timeout(),
		Runner:       runner,
	})
	var bulky []routing.Option
	if name == leisurely {
		bulky = append(bulky, routing.ReadTimeout(patience))
	}
	sh := newShop(app, s, bulky)
	if name == jobbing {
		sh.desk = newDesk(app, &sh.streams)
	}
	return app.Run("127.0.0.1:0")
}

// A shop has one route of each kind that a service may have.
type shop struct {
	runner   *background.Runner
	size     size
	download []byte
	streams  atomic.Int64 // that are being sent
	desk     *desk        // nil: it has none
}

// The options are for routes with large bodies: a busy machine takes its time to
// read them.
func newShop(app *velithon.App, s size, bulky []routing.Option) *shop {
	sh := &shop{runner: app.Runner(), size: s, download: bytes.Repeat([]byte("x"), downloadSize)}
	app.Get("/ping", sh.ping)
	app.Get("/search", sh.search)
	app.Post("/orders", sh.order)
	app.Post("/batches", sh.order, append([]routing.Option{routing.BodyLimit(batchLimit)}, bulky...)...)
	app.Post("/forms", sh.form, bulky...)
	app.Post("/uploads", sh.upload, bulky...)
	app.Post("/stocks", sh.stocks, bulky...)
	app.Post("/documents", sh.document, bulky...)
	app.Post("/trees", sh.tree, bulky...)
	app.Get("/download", sh.downloads)
	app.Get("/stream", sh.stream)
	app.Get("/events", sh.events)
	app.Post("/work", sh.work)
	app.Get("/state", sh.state)
	app.Post("/settle", sh.settle)
	return sh
}

func (*shop) ping(context.Context, struct{}) (string, error) { return "pong", nil }

// A count is what most routes answer: how much there was in a request.
type count struct {
	Count int `json:"count"`
}

func (*shop) search(_ context.Context, in struct {
	Text string   `query:"q" validate:"required"`
	Tags []string `query:"tag"`
},
) (count, error) {
	return count{len(in.Tags)}, nil
}

type item struct {
	SKU      string `json:"sku" validate:"required"`
	Quantity int    `json:"quantity" validate:"min=1,max=100"`
}

func (*shop) order(_ context.Context, in struct {
	Email string `json:"email" validate:"required,email"`
	Items []item `json:"items" validate:"required,min=1,dive"`
},
) (count, error) {
	return count{len(in.Items)}, nil
}

func (*shop) form(_ context.Context, in struct {
	Name string   `form:"name" validate:"required"`
	Tags []string `form:"tag"`
},
) (count, error) {
	return count{len(in.Tags)}, nil
}

func (*shop) upload(_ context.Context, in struct {
	File params.File `form:"file" validate:"required"`
},
) (count, error) {
	return count{int(in.File.Size)}, nil
}

func (*shop) stocks(_ context.Context, in map[string]int) (count, error) {
	return count{len(in)}, nil
}

func (*shop) document(_ context.Context, in map[string]any) (count, error) {
	return count{len(in)}, nil
}

type node struct {
	Name     string `json:"name" validate:"max=100"`
	Children []node `json:"children" validate:"dive"`
}

func (*shop) tree(_ context.Context, in node) (count, error) { return count{len(in.Children)}, nil }

func (s *shop) downloads(context.Context, struct{}) (responses.BytesResponse, error) {
	return responses.Bytes("text/plain", s.download), nil
}

// stream writes until the client does not take it any more.
func (s *shop) stream(context.Context, struct{}) (*responses.StreamResponse, error) {
	return &responses.StreamResponse{WriteTimeout: s.size.timeout(), Run: func(w *responses.StreamWriter) error {
		s.streams.Add(1)
		defer s.streams.Add(-1)
		for {
			if _, err := w.Write(s.download[:64<<10]); err != nil {
				return err
			}
		}
	}}, nil
}

func (s *shop) events(context.Context, struct{}) (*responses.EventStreamResponse, error) {
	return &responses.EventStreamResponse{WriteTimeout: s.size.timeout(), Run: func(w *responses.EventWriter) error {
		s.streams.Add(1)
		defer s.streams.Add(-1)
		for {
			if err := w.Send(responses.Event{Data: string(s.download[:1<<10])}); err != nil {
				return err
			}
		}
	}}, nil
}

// work answers with a task that takes its time, as a call to another service
// does.
func (*shop) work(context.Context, struct{}) (responses.JSONResponse[count, *background.Task], error) {
	task := background.Func("mail", func(ctx context.Context) error {
		select {
		case <-time.After(taskTime):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return responses.JSON(count{1}, task), nil
}

// A state is what the service says of itself.
type state struct {
	Goroutines int   `json:"goroutines"`
	Parked     int   `json:"parked"` // goroutines that wait for a connection to serve; counted by settle only
	Streams    int64 `json:"streams"`

	Succeeded uint64 `json:"succeeded"` // tasks
	Pending   int    `json:"pending"`   // tasks that have not ended

	Faults []string `json:"faults"` // what the runner did wrong
}

func (s *shop) state(context.Context, struct{}) (state, error) {
	stats := s.runner.Stats()
	st := state{
		Goroutines: runtime.NumGoroutine(),
		Streams:    s.streams.Load(),
		Succeeded:  stats.Succeeded,
		Pending:    stats.Queued + stats.Running + stats.Scheduled + stats.Limited + stats.Retrying,
	}
	if s.desk != nil {
		s.desk.mu.Lock()
		st.Faults = slices.Clone(s.desk.faults)
		s.desk.mu.Unlock()
	}
	if sum := stats.Succeeded + stats.Failed + stats.Skipped + stats.Abandoned + uint64(st.Pending); sum != stats.Accepted {
		st.Faults = append(st.Faults, fmt.Sprintf("the numbers of tasks add up to %d, and %d were accepted", sum, stats.Accepted))
	}
	return st, nil
}

// settle gives memory back to the system, what is in pools too, and returns
// the state after that.
func (s *shop) settle(ctx context.Context, in struct{}) (state, error) {
	debug.FreeOSMemory() // pools keep what they have for one collection more
	debug.FreeOSMemory()
	st, err := s.state(ctx, in)
	st.Parked = parked()
	return st, err
}

// parked counts the goroutines that fasthttp keeps for further connections
// once theirs are closed. It ends those that have had none for 10 s, within
// another 10 s.
func parked() (n int) {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
	_, stacks, _ := strings.Cut(profile.String(), "\n") // the first line has the total
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if strings.Contains(stack, "fasthttp.(*workerPool).workerFunc") && !strings.Contains(stack, "fasthttp.(*Server).serveConn") {
			number, _, _ := strings.Cut(stack, " ") // how many have this stack
			many, _ := strconv.Atoi(number)
			n += many
		}
	}
	return n
}
