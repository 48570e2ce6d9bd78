package serve_test

import (
	"log/slog"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/serve"
)

func TestAnUploadWithoutRoom(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("a full disk takes the right to mount one:", err)
	}
	defer func() { assert.NoError(t, syscall.Unmount(folder, 0)) }()
	t.Setenv("TMPDIR", folder)
	var log logBuffer
	address := newRefusingServer(serve.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}).onSocket(t)
	form, formType := multipartForm(t, 18<<20)
	response, body := send(t, address, request("POST", "/upload", form, "Content-Type: "+formType))
	assert.Equal(t, 507, response.StatusCode)
	assert.Equal(t, "the server has no room for the upload", detailOf(t, body))
	assert.Contains(t, log.String(), "level=ERROR")
	assert.Contains(t, log.String(), "no space left on device")
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, files, "what was written of it")
}
