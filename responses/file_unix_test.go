//go:build unix

package responses_test

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// What is no file is not there, at once: to open a pipe for reading waits for
// somebody who writes, and holds a thread.
func TestFileThatIsNoFile(t *testing.T) {
	directory := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(directory, "directory"), 0o700))
	require.NoError(t, syscall.Mkfifo(filepath.Join(directory, "pipe"), 0o600))
	t.Chdir(directory) // the path of a socket is short
	socket, err := net.Listen("unix", "socket")
	require.NoError(t, err)
	defer socket.Close()
	names := []string{"directory", "pipe", "socket"}
	if err := syscall.Mknod(filepath.Join(directory, "device"), syscall.S_IFCHR|0o600, 1<<8|5); err == nil { // like /dev/zero, for root only
		names = append(names, "device")
	}
	for _, name := range names {
		require.NoError(t, os.Symlink(name, filepath.Join(directory, "link to "+name)))
	}
	root, err := os.OpenRoot(directory)
	require.NoError(t, err)
	defer root.Close()
	for _, name := range names {
		for _, response := range []responses.FileResponse{
			responses.File(filepath.Join(directory, name)),
			responses.File(filepath.Join(directory, "link to "+name)),
			{Root: root, Path: name},
			{Root: root, Path: "link to " + name},
		} {
			sent, err := exchange(t, response, get())
			require.ErrorContains(t, err, "not a regular file", name)
			assert.Contains(t, sent, "HTTP/1.1 404 Not Found\r\n", name)
		}
	}
	response := responses.File("/dev/null")
	sent, err := exchange(t, response, get())
	require.Error(t, err)
	assert.Contains(t, sent, "HTTP/1.1 404 Not Found\r\n")
}

// A file may become a pipe between any two looks at it.
func TestFileThatBecomesAPipe(t *testing.T) {
	directory := t.TempDir()
	path, pipe, spare := filepath.Join(directory, "list.txt"), filepath.Join(directory, "pipe"), filepath.Join(directory, "spare")
	require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o600))
	require.NoError(t, os.Link(path, filepath.Join(directory, "file")))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			assert.NoError(t, os.Link([]string{pipe, filepath.Join(directory, "file")}[i%2], spare))
			assert.NoError(t, os.Rename(spare, path))
		}
	}()
	counts := map[int]int{}
	for range 5_000 {
		var raw fasthttp.RequestCtx
		_ = answer(&raw, responses.File(path))
		counts[raw.Response.StatusCode()]++
		require.NoError(t, raw.Response.CloseBodyStream())
	}
	close(stop)
	<-stopped
	assert.Positive(t, counts[200])
	assert.Positive(t, counts[404])
	assert.Len(t, counts, 2, "%v", counts)
}
