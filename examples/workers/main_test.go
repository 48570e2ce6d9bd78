package main

import (
	"context"
	"encoding/base64"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/velithontest"
)

// lines is a log whose lines can be waited for.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// waitFor reads lines until there was one with each of the parts.
func (l lines) waitFor(parts ...string) {
	for len(parts) > 0 {
		line := <-l
		parts = slices.DeleteFunc(parts, func(part string) bool { return strings.Contains(line, part) })
	}
}

func TestWebAndTwoWorkers(t *testing.T) {
	written := make(lines, 1000)
	log.SetOutput(written)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	path := filepath.Join(t.TempDir(), "jobs.db")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := open(ctx, path, durable.Options{StoreOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	app := newApp(s, "secret")
	kit := velithontest.New(t, app)

	answer := velithontest.Post[reply](kit, "/thumbnails", picture{"https://example.org/cat.jpg"})
	assert.Equal(t, 202, answer.Status)
	assert.Equal(t, 401, velithontest.Get[any](kit, "/jobs").Status)
	assert.Equal(t, 401, velithontest.Get[any](kit, "/jobs", basic("wrong")).Status)
	page := velithontest.Get[any](kit, "/jobs/", basic("secret"))
	assert.Equal(t, 200, page.Status)
	assert.Contains(t, page.Text, "<html")
	list := velithontest.Get[any](kit, "/jobs/tasks?state=waiting", basic("secret"))
	assert.Equal(t, 200, list.Status)
	assert.Contains(t, list.Text, "make_thumbnail")
	assert.Contains(t, list.Text, "POST /thumbnails")

	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- work(ctx, path, time.Second) }()
	}
	written.waitFor("Thumbnail of https://example.org/cat.jpg", "Report: ")
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	kinds := make(map[string]bool)
	for info, err := range s.queue.Tasks(t.Context(), background.Succeeded) {
		require.NoError(t, err)
		kinds[info.Name] = true
	}
	require.Equal(t, map[string]bool{"make_thumbnail": true, "report": true}, kinds)
}

// basic is the field of somebody who says to be the administrator.
func basic(password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+password))
}
