package main

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

type text struct {
	Text string `json:"text"`
}

// A reader comes back with the id that it saw last, and is sent what it has missed.
func TestTheWallIsFollowed(t *testing.T) { synctest.Test(t, followed) }

func followed(t *testing.T) {
	kit := velithontest.New(t, newApp())
	first := open(t, kit, "")
	require.Regexp(t, `^id: [A-Z2-7]{13}-0\n$`, first.event(t))
	require.Equal(t, 201, velithontest.Post[note](kit, "/notes", text{"one"}).Status)
	event := first.event(t)
	require.Regexp(t, `^id: [A-Z2-7]{13}-1\nevent: note\ndata: {"number":1,"text":"one"}\n$`, event)
	require.NoError(t, first.Close())

	require.Equal(t, note{2, "two"}, velithontest.Post[note](kit, "/notes", text{"two"}).Body)
	id := strings.TrimPrefix(strings.SplitN(event, "\n", 2)[0], "id: ")
	again := open(t, kit, id)
	require.Contains(t, again.event(t), `data: {"number":2,"text":"two"}`)
	require.NoError(t, again.Close())

	stranger := open(t, kit, "AAAAAAAAAAAAA-1")
	require.Contains(t, stranger.event(t), "event: reset\n")
	require.NoError(t, stranger.Close())
	require.Equal(t, []note{{1, "one"}, {2, "two"}}, velithontest.Get[[]note](kit, "/notes").Body)
}

func TestTheWallIsFinite(t *testing.T) {
	kit := velithontest.New(t, newApp())
	for range most + 1 {
		velithontest.Post[note](kit, "/notes", text{"x"})
	}
	notes := velithontest.Get[[]note](kit, "/notes").Body
	require.Len(t, notes, most)
	require.Equal(t, 2, notes[0].Number)
	require.Equal(t, 422, velithontest.Post[any](kit, "/notes", text{}).Status)
}

// The page needs nothing that its policy forbids.
func TestThePageKeepsItsPolicy(t *testing.T) {
	kit := velithontest.New(t, newApp())
	answer := velithontest.Get[any](kit, "/")
	require.Equal(t, policy, answer.Header.Get("Content-Security-Policy"))
	require.NotContains(t, policy, "unsafe")
	require.NotRegexp(t, `<script>|<style| on\w+=| style=`, answer.Text)
	require.Contains(t, answer.Text, `<script src="/page.js">`)
	require.Equal(t, 200, velithontest.Get[any](kit, "/page.js").Status)
}

type reader struct {
	io.Closer
	lines *bufio.Reader
}

func open(t *testing.T, kit *velithontest.Kit, lastEventID string) reader {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/notes/events", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Last-Event-ID", lastEventID)
	response, err := kit.Client.Do(request)
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	return reader{response.Body, bufio.NewReader(response.Body)}
}

// event returns the lines of the next event.
func (r reader) event(t *testing.T) (text string) {
	t.Helper()
	for {
		line, err := r.lines.ReadString('\n')
		require.NoError(t, err)
		if line == "\n" {
			return text
		}
		text += line
	}
}
