package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocs(t *testing.T) {
	r := start(t, nil)
	for path, want := range map[string]string{"/docs": "swagger-ui", "/openapi.json": `"openapi": "3.1.1"`} {
		answer := r.do("", http.MethodGet, path, "")
		require.Equal(t, 200, answer.status, path)
		require.Contains(t, answer.body, want, path)
	}
}
