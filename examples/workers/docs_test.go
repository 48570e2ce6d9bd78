package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/velithontest"
)

func TestDocs(t *testing.T) {
	ctx := t.Context()
	s, err := open(ctx, filepath.Join(t.TempDir(), "jobs.db"), durable.Options{StoreOnly: true})
	require.NoError(t, err)
	app := newApp(s, "secret")
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	kit := velithontest.New(t, app)
	for path, want := range map[string]string{"/docs": "swagger-ui", "/openapi.json": `"openapi": "3.1.1"`} {
		answer := velithontest.Get[any](kit, path)
		require.Equal(t, 200, answer.Status, path)
		require.Contains(t, answer.Text, want, path)
	}
}
