package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestDocs(t *testing.T) {
	r := start(t, nil)
	for path, want := range map[string]string{"/docs": "swagger-ui", "/openapi.json": `"openapi": "3.1.1"`} {
		answer := velithontest.Get[any](r.Kit, path)
		require.Equal(t, 200, answer.Status, path)
		require.Contains(t, answer.Text, want, path)
	}
}

// What README.md promises: imports, comments and blank lines count, too.
func TestTheShopIsSmall(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	lines := 0
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			lines += bytes.Count(text, []byte("\n"))
		}
	}
	require.Greater(t, lines, 300)
	require.LessOrEqual(t, lines, 450)
}
