// Workers has a web process that only takes work, processes that only do it, and a page
// where both can be watched.
//
//	cd examples/workers
//	go run . -db jobs.db web
//	go run . -db jobs.db work    # in another terminal, and in a third one
//
//	curl --json '{"url":"https://example.org/cat.jpg"}' http://127.0.0.1:8080/thumbnails
//	{"status":"queued"}
//
// One of the workers says
//
//	2026/11/28 21:11:36 Thumbnail of https://example.org/cat.jpg
//
// and, every ten seconds, one of them
//
//	2026/11/28 21:11:40 Report: 1 thumbnail was made
//
// End one of them, by Ctrl-C or by kill -9: the others go on with what it had. The page is
// http://localhost:8080/jobs/, for the user "admin" with the password in ADMIN_PASSWORD;
// without one it is for this machine only.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/dashboard/source"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/durable/sqlite"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type picture struct {
	URL string `json:"url" validate:"required,url"`
}

type reply struct {
	Status string `json:"status"`
}

// studio makes thumbnails. Both kinds of processes define the same kinds of tasks.
type studio struct {
	db    *sql.DB
	queue *durable.Queue[*sql.Tx]

	MakeThumbnail background.Kind[picture]
	Report        background.Kind[struct{}]
}

func open(ctx context.Context, path string, options durable.Options) (*studio, error) {
	s := &studio{}
	s.MakeThumbnail = background.Define("make_thumbnail", s.makeThumbnail,
		background.Timeout(time.Minute),
		background.Retry{Attempts: 5, Backoff: time.Second},
		background.NewLimit(background.LimitOptions{Concurrent: 4})) // in each process
	s.Report = background.Define("report", s.report)
	var err error
	if s.db, err = sqlite.OpenDB(path); err != nil {
		return nil, err
	}
	_, err = s.db.ExecContext(ctx, "create table if not exists thumbnails(url text primary key)")
	if err == nil {
		s.queue, err = sqlite.Open(ctx, s.db, path, options, s.MakeThumbnail, s.Report)
	}
	if err != nil {
		_ = s.db.Close()
		return nil, err
	}
	return s, nil
}

func (s *studio) makeThumbnail(ctx context.Context, p picture) error {
	// To do it twice does no harm: the second time finds its row.
	_, err := s.db.ExecContext(ctx, "insert into thumbnails(url) values ($1) on conflict do nothing", p.URL)
	if err == nil {
		log.Printf("Thumbnail of %s", p.URL)
	}
	return err
}

func (s *studio) report(ctx context.Context, _ struct{}) error {
	var n int
	if err := s.db.QueryRowContext(ctx, "select count(*) from thumbnails").Scan(&n); err != nil {
		return err
	}
	noun := "thumbnails were"
	if n == 1 {
		noun = "thumbnail was"
	}
	log.Printf("Report: %d %s made", n, noun)
	return nil
}

func (s *studio) createThumbnail(_ context.Context, in picture) (responses.JSONResponse[reply, *background.Task], error) {
	return responses.JSON(reply{"queued"}, s.MakeThumbnail.Task(in)), nil
}

// web takes work, and leaves it to others.
func web(ctx context.Context, path string) error {
	s, err := open(ctx, path, durable.Options{StoreOnly: true})
	if err != nil {
		return err
	}
	defer s.db.Close()
	return newApp(s, os.Getenv("ADMIN_PASSWORD")).Run("127.0.0.1:8080")
}

func newApp(s *studio, password string) *velithon.App {
	app := velithon.New(velithon.Options{Queue: s.queue})
	mountPage(app.Group("/jobs"), s.queue.Dashboard(), password)
	app.Post("/thumbnails", s.createThumbnail, routing.Status(202))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Thumbnails",
		Version:     "1.0.0",
		Description: "Makes thumbnails of pictures, by other processes.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// admin is who may see the page, and act.
type admin string

func mountPage(jobs *routing.Router, work source.Source, password string) {
	options := dashboard.Options{Title: "Thumbnails", Acts: true}
	if password == "" {
		dashboard.Mount(jobs, work, options)
		return
	}
	check := middleware.Passwords(map[admin]string{"admin": password})
	routing.Provide(jobs, middleware.BasicAuth(check), routing.Secured(routing.Basic("password")))
	dashboard.MountFor(jobs, work, options, func(a admin) string { return string(a) })
}

// work does work until ctx is done.
func work(ctx context.Context, path string, every time.Duration) error {
	s, err := open(ctx, path, durable.Options{})
	if err != nil {
		return err
	}
	defer s.db.Close()
	s.queue.Every(every, s.Report.Task(struct{}{})) // one of the processes that say so does it
	return s.queue.Run(ctx)
}

func main() {
	path := flag.String("db", "jobs.db", "the file with the tasks")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	switch flag.Arg(0) {
	case "web":
		err = web(ctx, *path)
	case "work":
		err = work(ctx, *path, 10*time.Second)
	default:
		err = fmt.Errorf("say web or work, not %q", flag.Arg(0))
	}
	stop()
	if err != nil {
		log.Fatal(err)
	}
}
