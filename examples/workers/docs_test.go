package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/durable"
)

func TestDocs(t *testing.T) {
	ctx := t.Context()
	s, err := open(ctx, filepath.Join(t.TempDir(), "jobs.db"), durable.Options{StoreOnly: true})
	require.NoError(t, err)
	app, err := newApp(ctx, s, "secret")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, app.Shutdown(context.Background()))
		require.NoError(t, s.db.Close())
	})
	handler := app.Handler()
	for path, want := range map[string]string{"/docs": "swagger-ui", "/openapi.json": `"openapi": "3.1.1"`} {
		var raw fasthttp.RequestCtx
		raw.Request.SetRequestURI(path)
		handler(&raw)
		require.Equal(t, 200, raw.Response.StatusCode(), path)
		require.Contains(t, string(raw.Response.Body()), want, path)
	}
}
