package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestNotes(t *testing.T) {
	var announced []string
	kit := start(t, func(_ context.Context, n note) error {
		announced = append(announced, n.Title)
		return nil
	})
	first := velithontest.Post[note](kit, "/notes", newNote{Title: "First", Text: "Text"})
	require.Equal(t, 201, first.Status)
	require.Equal(t, "Text", first.Body.Text)
	kit.Wait()
	second := velithontest.Post[note](kit, "/notes", newNote{Title: "Second"})
	kit.Wait()
	require.Equal(t, []string{"First", "Second"}, announced)

	found := velithontest.Get[note](kit, first.Header.Get("Location"))
	require.Equal(t, first.Body, found.Body)
	require.Equal(t, noteList{[]note{second.Body, first.Body}, 2}, velithontest.Get[noteList](kit, "/notes").Body)
	require.Equal(t, noteList{[]note{first.Body}, 2}, velithontest.Get[noteList](kit, "/notes?limit=1&offset=1").Body)
	require.Equal(t, noteList{[]note{}, 2}, velithontest.Get[noteList](kit, "/notes?offset=3").Body)
}

func TestNoSuchNote(t *testing.T) {
	answer := velithontest.Get[note](start(t, nil), "/notes/none")
	require.Equal(t, 404, answer.Status)
	require.Equal(t, "no such note", answer.Problem.Detail)
}

func TestWrongRequests(t *testing.T) {
	kit := start(t, nil)
	answer := velithontest.Post[note](kit, "/notes", `{"title": ""}`)
	require.Equal(t, 422, answer.Status)
	require.Len(t, answer.Problem.Errors, 1)
	require.Equal(t, "#/title", answer.Problem.Errors[0].Pointer)
	require.Equal(t, "min", answer.Problem.Errors[0].Code)
	require.Equal(t, 422, velithontest.Get[noteList](kit, "/notes?limit=1000").Status)
	require.Equal(t, 400, velithontest.Post[note](kit, "/notes", `{"title"`).Status)
	require.Empty(t, velithontest.Get[noteList](kit, "/notes").Body.Notes)
}

// In a bubble the time between two attempts takes none.
func TestAnnouncementIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		kit := start(t, func(context.Context, note) error {
			if attempts++; attempts < 3 {
				return errors.New("the mail server is away")
			}
			return nil
		})
		require.Equal(t, 201, velithontest.Post[note](kit, "/notes", newNote{Title: "Title"}).Status)
		kit.Wait()
		require.Equal(t, 3, attempts)
	})
}
