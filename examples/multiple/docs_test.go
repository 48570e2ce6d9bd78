package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

func TestDocs(t *testing.T) {
	handler := newApp(&tracker{}).Handler()
	for path, want := range map[string]string{"/docs": "swagger-ui", "/openapi.json": `"openapi": "3.1.1"`} {
		var raw fasthttp.RequestCtx
		raw.Request.SetRequestURI(path)
		handler(&raw)
		require.Equal(t, 200, raw.Response.StatusCode(), path)
		require.Contains(t, string(raw.Response.Body()), want, path)
	}
}
