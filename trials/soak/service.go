package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// folderVariable names the folder with the service's files, in the
// environment.
const folderVariable = "SOAK_FOLDER"

// The files in that folder.
const (
	journalFile = "journal"
	pagesFolder = "pages"
	tempFolder  = "temp" // the service's folder for temporary files
)

// The limits of the service. They are small, so that they are reached.
const (
	workers     = 8
	queue       = 64
	bodyLimit   = 64 << 10
	uploadLimit = 32 << 20
	readTimeout = 5 * time.Second
	shortTime   = 20 * time.Millisecond // of routes that exceed it
)

type service struct {
	app     *velithon.App
	journal *journal
	pages   *os.Root

	around    bool // attempts are counted
	attempts  atomic.Uint64
	ticks     atomic.Uint64
	ticking   atomic.Bool
	missed    atomic.Uint64 // ticks for which there was no room
	stopTicks func()
}

// serve is the life of the service. Its name is what it does when its runner
// is full.
func serve(name string) {
	folder, err := os.OpenRoot(os.Getenv(folderVariable))
	if err != nil {
		log.Fatal(err)
	}
	file, err := folder.OpenFile(journalFile, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		log.Fatal(err)
	}
	pages, err := folder.OpenRoot(pagesFolder)
	if err != nil {
		log.Fatal(err)
	}
	j := newJournal(file)
	runner := background.RunnerOptions{Workers: workers, Queue: queue, OnFailure: j.noteFailure, Keep: time.Second}
	// Where a route has a time limit of its own for reading fasthttp keeps all
	// limits, and where none has the server does: each kind of service is one.
	reading := []routing.Option{routing.ReadTimeout(time.Minute)}
	if name == background.Reject.String() {
		runner.Overflow = background.Reject
		reading = nil
	}
	s := &service{journal: j, pages: pages, around: runner.Overflow == background.Reject}
	s.app = velithon.New(velithon.Options{
		Logger:      slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: s.countMissed})),
		Runner:      runner,
		BodyLimit:   bodyLimit,
		ReadTimeout: readTimeout,
		IdleTimeout: time.Hour, // the steady clients rest between two rounds
	})
	s.addRoutes(reading)
	s.addJobs(s.app)
	if err := s.app.Run("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
}

// countMissed looks for a message of the log.
func (s *service) countMissed(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.MessageKey && a.Value.String() == logMissed {
		s.missed.Add(1)
	}
	return a
}

func (s *service) addRoutes(reading []routing.Option) {
	app := s.app
	with := func(options ...routing.Option) []routing.Option { return append(options, reading...) }
	app.Post("/shops/{shop}/orders", echo, with(routing.Status(201))...)
	app.Post("/login", login)
	app.Post("/uploads", s.upload, with(routing.BodyLimit(uploadLimit), routing.Status(202))...)
	app.Post("/late/uploads", lateUpload, with(routing.BodyLimit(uploadLimit), routing.Timeout(shortTime))...)
	app.Get("/export", export)
	app.Get("/events", watch)
	app.Get("/pages/{name}", s.page)
	app.Get("/problem", func(context.Context, struct{}) (struct{}, error) {
		return struct{}{}, responses.NewProblem(409, "sold out")
	})
	app.Get("/error", func(context.Context, struct{}) (struct{}, error) { return struct{}{}, errDeed })
	app.Get("/panic", func(context.Context, struct{}) (struct{}, error) { panic(errDeed) })
	app.Get("/late", func(ctx context.Context, _ struct{}) (struct{}, error) {
		<-ctx.Done()
		return struct{}{}, ctx.Err()
	}, routing.Timeout(shortTime))
	app.Post("/carry/{work}/{carrier}", s.carry)
	app.Post("/limited/{work}/{carrier}", s.carry, routing.Timeout(time.Minute))
	app.Post("/late/{work}/{carrier}", func(ctx context.Context, in carried) (responses.Response, error) {
		time.Sleep(2 * shortTime) // whatever its context says
		return s.carry(ctx, in)
	}, routing.Timeout(shortTime))
	app.Get("/stats", func(context.Context, struct{}) (background.Stats, error) { return s.app.Runner().Stats(), nil })
	app.Get("/sample", s.sample)
	app.Get("/goroutines", func(context.Context, struct{}) (responses.TextResponse, error) {
		return responses.Text(goroutines()), nil
	})
}

// order has a value from everywhere.
type order struct {
	Shop  string   `path:"shop" validate:"required,alphanum" json:"shop"`
	Limit int      `query:"limit" default:"20" validate:"min=1,max=100" json:"limit"`
	Tags  []string `query:"tag" json:"tags"`
	Trace string   `header:"X-Trace" validate:"required" json:"trace"`
	Theme string   `cookie:"theme" json:"theme"`
	Items []item   `body:"" validate:"required,max=50,dive" json:"items"`
}

type item struct {
	SKU      string `json:"sku" validate:"required"`
	Quantity int    `json:"quantity" validate:"min=1"`
	Note     string `json:"note"`
}

// echo answers with all that it was sent.
func echo(_ context.Context, in order) (order, error) { return in, nil }

type credentials struct {
	Name     string `form:"name" validate:"required"`
	Password string `form:"password" validate:"required,min=8"`
}

func login(_ context.Context, in credentials) (responses.RedirectResponse, error) {
	r := responses.Redirect("/pages/" + in.Name)
	r.Header = responses.Header{"Set-Cookie": {"theme=dark"}}
	return r, nil
}

type upload struct {
	N    int         `query:"n"`
	Sum  uint32      `form:"sum" validate:"required"`
	File params.File `form:"file" validate:"required"`
}

// upload has the file read by two tasks: one that sums it up, and one that puts
// it somewhere else.
func (s *service) upload(_ context.Context, in upload) (responses.JSONResponse[int64, *background.Tasks], error) {
	tasks := &background.Tasks{}
	for place, do := range []func(params.File, uint32) error{compareSum, store} {
		tasks.Add(background.Func(taskName(in.N, place), func(context.Context) error {
			if err := do(in.File, in.Sum); err != nil {
				return err
			}
			s.journal.note(taskName(in.N, place), succeeded)
			return nil
		}))
	}
	return responses.JSON(in.File.Size, tasks), nil
}

func compareSum(file params.File, want uint32) error {
	sum := crc32.NewIEEE()
	if err := copyTo(sum, file); err != nil {
		return err
	}
	if sum.Sum32() != want {
		return errors.New("it is not the file that was sent")
	}
	return nil
}

// store keeps a copy of the file for as long as it takes to write it.
func store(file params.File, _ uint32) (err error) {
	stored, err := os.CreateTemp("", "stored-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stored.Close(), os.Remove(stored.Name())) }()
	return copyTo(stored, file)
}

func copyTo(w io.Writer, file params.File) error {
	content, err := file.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(w, content)
	return err
}

// lateUpload reads the file when the client has been answered without it.
func lateUpload(_ context.Context, in upload) (struct{}, error) {
	time.Sleep(2 * shortTime)
	return struct{}{}, compareSum(in.File, in.Sum)
}

// exportLine is what exports consist of.
var exportLine = strings.Repeat("0123456789", 10) + "\n"

// export sends so many lines.
func export(_ context.Context, in struct {
	Lines int `query:"lines" validate:"max=1000000"`
},
) (*responses.StreamResponse, error) {
	return responses.Stream("text/csv", func(w *responses.StreamWriter) error {
		for range in.Lines {
			if _, err := w.WriteString(exportLine); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

// watch sends so many events, one every 5 ms.
func watch(ctx context.Context, in struct {
	Events int `query:"events" validate:"max=1000"`
},
) (*responses.EventStreamResponse, error) {
	return responses.EventStream(func(events *responses.EventWriter) error {
		next := time.NewTicker(5 * time.Millisecond)
		defer next.Stop()
		for i := range in.Events {
			if err := events.SendJSON("count", i); err != nil {
				return err
			}
			select {
			case <-next.C:
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	}), nil
}

func (s *service) page(_ context.Context, in struct {
	Name string `path:"name"`
},
) (responses.FileResponse, error) {
	return responses.FileResponse{Root: s.pages, Path: in.Name}, nil
}

type carried struct {
	Work    string `path:"work"`
	Carrier string `path:"carrier"`
	N       int    `query:"n"`
}

// carry answers in one of many ways, with one of many kinds of work.
func (s *service) carry(_ context.Context, in carried) (responses.Response, error) {
	w := workNamed(in.Work)
	if w == nil {
		return nil, responses.NewProblem(404, "no such work")
	}
	work := w.runnable(s.journal, in.N)
	switch in.Carrier {
	case "json":
		return responses.JSON(in.N, work), nil
	case "text":
		return responses.TextResponse{Content: fmt.Sprint(in.N), Background: work}, nil
	case "html":
		return responses.HTMLResponse{Content: "<b>done</b>", Background: work}, nil
	case "bytes":
		return responses.BytesResponse{Content: make([]byte, 10_000), Background: work}, nil
	case "file":
		return responses.FileResponse{Root: s.pages, Path: pageName, Background: work}, nil
	case "nothing":
		return responses.NoContentResponse{Background: work}, nil
	case "redirect":
		r := responses.Redirect("/")
		r.Background = work
		return r, nil
	case "problem":
		return nil, responses.NewProblem(409, "sold out").WithBackground(work)
	case "stream":
		r := responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			_, err := w.WriteString(exportLine)
			return err
		})
		r.Background = work
		return r, nil
	case "events":
		r := responses.EventStream(func(events *responses.EventWriter) error { return events.SendJSON("number", in.N) })
		r.Background = work
		return r, nil
	case "error":
		return responses.JSON(in.N, work), errDeed
	case "unencodable":
		return responses.JSON(math.NaN(), work), nil
	}
	return nil, responses.NewProblem(404, "no such carrier")
}
