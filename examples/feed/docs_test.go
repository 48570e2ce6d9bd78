package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestDocs(t *testing.T) {
	kit := velithontest.New(t, newApp())
	for path, want := range map[string]string{"/docs": "swagger-ui", "/openapi.json": `"openapi": "3.1.1"`} {
		answer := velithontest.Get[any](kit, path)
		require.Equal(t, 200, answer.Status, path)
		require.Contains(t, answer.Text, want, path)
	}
}
