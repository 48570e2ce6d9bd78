package main

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

type note struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Text    string    `json:"text"`
	Created time.Time `json:"created"`
}

// newNote is the body of the request that creates one. Its tags are all there is to
// validation.
type newNote struct {
	Title string `json:"title" validate:"required,min=1,max=100"`
	Text  string `json:"text" validate:"max=10000"`
}

// page is the part of a list that is asked for.
type page struct {
	Limit  int `query:"limit" default:"20" validate:"min=1,max=100"`
	Offset int `query:"offset" validate:"min=0"`
}

type noteList struct {
	Notes []note `json:"notes"`
	Total int    `json:"total"` // on all pages
}

var errNoNote = responses.NewProblem(404, "no such note")

// notes are kept in memory, so that they are gone with the process: put your database here.
// Its methods are the handlers, which many goroutines call at once.
type notes struct {
	announce background.Kind[note]

	mu  sync.RWMutex // guards all
	all []note       // the oldest first
}

// newNotes returns no notes yet. announce is the task that follows each new one: it runs
// when the client has its answer, and up to five times until it returns no error.
func newNotes(announce func(context.Context, note) error) *notes {
	return &notes{announce: background.Define("announce_note", announce,
		background.Timeout(10*time.Second), background.Retry{Attempts: 5, Backoff: 200 * time.Millisecond})}
}

func (s *notes) createNote(_ context.Context, in newNote) (responses.JSONResponse[note, *background.Task], error) {
	n := note{rand.Text(), in.Title, in.Text, time.Now().UTC().Truncate(time.Second)}
	s.mu.Lock()
	s.all = append(s.all, n)
	s.mu.Unlock()
	response := responses.JSON(n, s.announce.Task(n))
	response.Header = responses.Header{"Location": {"/notes/" + n.ID}}
	return response, nil
}

// listNotes returns the latest first.
func (s *notes) listNotes(_ context.Context, in page) (noteList, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	end := max(len(s.all)-in.Offset, 0)
	latest := slices.Clone(s.all[max(end-in.Limit, 0):end])
	slices.Reverse(latest)
	return noteList{append([]note{}, latest...), len(s.all)}, nil
}

func (s *notes) noteByID(_ context.Context, in struct {
	ID string `path:"id"`
},
) (note, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := slices.IndexFunc(s.all, func(n note) bool { return n.ID == in.ID })
	if i < 0 {
		return note{}, errNoNote
	}
	return s.all[i], nil
}
