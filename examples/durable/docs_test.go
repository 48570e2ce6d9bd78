package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestDocs(t *testing.T) {
	s := newShop(nil)
	queue, closeAll, err := s.open(context.Background(), "")
	require.NoError(t, err)
	t.Cleanup(closeAll)
	kit := velithontest.New(t, newApp(s, queue))
	for path, want := range map[string]string{"/docs": "swagger-ui", "/openapi.json": `"openapi": "3.1.1"`} {
		answer := velithontest.Get[any](kit, path)
		require.Equal(t, 200, answer.Status, path)
		require.Contains(t, answer.Text, want, path)
	}
}
