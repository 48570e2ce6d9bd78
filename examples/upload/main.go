// Upload takes a file, answers at once, and works on the file afterwards.
//
//	go run ./examples/upload
//
//	curl -F file=@LICENSE http://127.0.0.1:8080/upload
//	{"name":"LICENSE","size":1084}
//
// and its log says
//
//	2026/11/23 21:29:05 LICENSE: sha256 83dac53cdc43440ceb8b615a03fbb5fb4d7140c43d6a2e966d4d843faad68074, 21 lines
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// maxUpload is the largest body in bytes: the file and the form around it.
const maxUpload = 64 << 20

type upload struct {
	File params.File `form:"file" validate:"required"`
}

type accepted struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// summary is what the task finds out about a file.
type summary struct {
	name   string
	sha256 string
	lines  int
}

// service hands the summaries on, and says so when there is none.
type service struct {
	report func(ctx context.Context, s summary) error
	alert  func(ctx context.Context, failure *background.TaskError)
}

func newApp(s *service) *velithon.App {
	app := velithon.New(velithon.Options{
		Runner: background.RunnerOptions{
			Workers:   4,
			Queue:     100,               // a waiting task keeps its file on the disk,
			Overflow:  background.Reject, // so one more upload is answered with 503
			Timeout:   time.Minute,
			OnFailure: s.alert,
		},
	})
	app.Post("/upload", s.upload, routing.BodyLimit(maxUpload), routing.ReadTimeout(5*time.Minute), routing.Status(202))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Uploads",
		Version:     "1.0.0",
		Description: "Takes files, and summarizes them.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func (s *service) upload(_ context.Context, in upload) (responses.JSONResponse[accepted, *background.Task], error) {
	task := background.NewTask(s.process, in.File).Named("summarize upload")
	return responses.JSON(accepted{in.File.Name, in.File.Size}, task), nil
}

// process reads the file after the response. The file is there until the task
// has ended, and nobody has to delete it.
func (s *service) process(ctx context.Context, file params.File) error {
	content, err := file.Open()
	if err != nil {
		return err
	}
	defer content.Close()

	var lines lineCounter
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, &lines), content); err != nil {
		return err
	}
	return s.report(ctx, summary{file.Name, hex.EncodeToString(sum.Sum(nil)), int(lines)})
}

// lineCounter counts the lines that are written to it.
type lineCounter int

func (n *lineCounter) Write(p []byte) (int, error) {
	*n += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

func logSummary(_ context.Context, s summary) error {
	log.Printf("%s: sha256 %s, %d lines", s.name, s.sha256, s.lines)
	return nil
}

func logFailure(ctx context.Context, failure *background.TaskError) {
	log.Printf("Look at request %s: %v", routing.RequestID(ctx), failure)
}

func main() {
	if err := newApp(&service{logSummary, logFailure}).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
