package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
)

const workers = 4 // as many tasks as the app runs at once

// largeFile returns a file, and what is to be found out about it. From 16 MiB
// on it lies in a temporary file while it is processed.
func largeFile(size int) ([]byte, summary) {
	file := bytes.Repeat([]byte("one\ntwo and a half\n"), size/19+1)[:size]
	sum := sha256.Sum256(file)
	return file, summary{"large.txt", hex.EncodeToString(sum[:]), bytes.Count(file, []byte("\n"))}
}

func TestTaskReadsTheFileAfterTheResponse(t *testing.T) {
	dir := useTempDir(t)
	file, want := largeFile(17_000_000)
	reports := make(chan summary, 1)
	app := newApp(&service{
		report: func(_ context.Context, s summary) error {
			reports <- s
			return nil
		},
	})
	url := serve(t, app)

	// While all workers are busy the task has to wait.
	started, release := make(chan struct{}), make(chan struct{})
	busy := background.Func("busy", func(context.Context) error {
		started <- struct{}{}
		<-release
		return nil
	})
	for range workers {
		require.NoError(t, app.Runner().Submit(t.Context(), busy))
		<-started
	}
	status, answer := send(t, url, "large.txt", file)
	require.Equal(t, 202, status)
	require.JSONEq(t, `{"name":"large.txt","size":17000000}`, answer)
	require.Empty(t, reports)
	requireOpenFiles(t, dir, 1)

	// The response is here. Only now the task begins.
	close(release)
	require.Equal(t, want, <-reports)
	require.NoError(t, app.Shutdown(context.Background()))
	requireNoFiles(t, dir)
}

func TestPanicLeavesNoFile(t *testing.T) {
	dir := useTempDir(t)
	file, _ := largeFile(20_000_000)
	alerts := make(chan *background.TaskError, 1)
	app := newApp(&service{
		report: func(context.Context, summary) error { panic("on purpose") },
		alert:  func(_ context.Context, failure *background.TaskError) { alerts <- failure },
	})
	url := serve(t, app)

	status, _ := send(t, url, "large.txt", file)
	require.Equal(t, 202, status)

	require.NoError(t, app.Shutdown(context.Background()))
	require.EqualError(t, <-alerts, `background: task "summarize upload": panic: on purpose`)
	requireNoFiles(t, dir)
}

func TestDrainOutOfTimeLeavesNoFile(t *testing.T) {
	dir := useTempDir(t)
	file, want := largeFile(20_000_000)
	reports, release := make(chan summary), make(chan struct{})
	app := newApp(&service{
		report: func(_ context.Context, s summary) error { // does not look at its context
			reports <- s
			<-release
			return nil
		},
	})
	url := serve(t, app)

	status, _ := send(t, url, "large.txt", file)
	require.Equal(t, 202, status)
	require.Equal(t, want, <-reports)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var unfinished *background.DrainError
	require.ErrorAs(t, app.Shutdown(ctx), &unfinished)
	require.Equal(t, []string{"summarize upload"}, unfinished.Running)
	requireOpenFiles(t, dir, 1) // the task may still read it

	close(release)
	require.NoError(t, app.Shutdown(context.Background())) // waits for the task
	requireNoFiles(t, dir)
}

func TestRefusedUploads(t *testing.T) {
	dir := useTempDir(t)
	app := newApp(&service{})
	url := serve(t, app)

	response, err := http.Post(url+"/upload", "application/x-www-form-urlencoded", strings.NewReader("file=text"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 422, response.StatusCode)

	response, err = http.Post(url+"/upload", "text/plain", strings.NewReader("text"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 415, response.StatusCode)

	require.NoError(t, app.Shutdown(context.Background()))
	require.Zero(t, app.Runner().Stats().Accepted)
	requireNoFiles(t, dir)
}

// useTempDir has temporary files made in a directory of the test's own.
func useTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

// requireOpenFiles requires that so many files of dir are open, which may have
// been deleted already.
func requireOpenFiles(t *testing.T, dir string, want int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	descriptors, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	var open []string
	for _, descriptor := range descriptors {
		path, err := os.Readlink("/proc/self/fd/" + descriptor.Name())
		if err == nil && strings.HasPrefix(path, dir) {
			open = append(open, path)
		}
	}
	require.Len(t, open, want)
}

// requireNoFiles requires that neither a file nor a descriptor is left of an
// upload.
func requireNoFiles(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "multipart-*"))
	require.NoError(t, err)
	require.Empty(t, files)
	requireOpenFiles(t, dir, 0)
}

// send uploads a file and returns the status and the body of the answer.
func send(t *testing.T, url, name string, file []byte) (status int, answer string) {
	t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = part.Write(file)
	require.NoError(t, err)
	require.NoError(t, writer.Close())

	response, err := http.Post(url+"/upload", writer.FormDataContentType(), &form)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections() // a shutdown would wait for another request
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}

// serve runs app on a free port until the test ends, and returns its URL.
func serve(t *testing.T, app *velithon.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}
