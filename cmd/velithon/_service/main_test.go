package main

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/velithontest"
)

// A goroutine that a test leaves behind fails it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// start serves the app in memory until the test ends. announce is its task; nil does nothing.
func start(t *testing.T, announce func(context.Context, note) error) *velithontest.Kit {
	t.Helper()
	if announce == nil {
		announce = func(context.Context, note) error { return nil }
	}
	c, err := readConfig(nil, env{}.get)
	require.NoError(t, err)
	return velithontest.New(t, newApp(c, slog.New(slog.DiscardHandler), newNotes(announce)))
}

func TestDescription(t *testing.T) {
	kit := start(t, nil)
	document := velithontest.Get[struct {
		Info  struct{ Title string }
		Paths map[string]any
	}](kit, "/openapi.json")
	require.Equal(t, 200, document.Status)
	require.Equal(t, "shop", document.Body.Info.Title)
	require.Len(t, document.Body.Paths, 2, "/notes and /notes/{id}")
	require.Equal(t, 200, velithontest.Get[any](kit, "/docs").Status)
}
