package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"mime/multipart"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/velithontest"
)

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
	var reports []summary
	kit := velithontest.New(t, newApp(&service{
		report: func(_ context.Context, s summary) error {
			reports = append(reports, s)
			return nil
		},
	}))
	kit.Hold()
	status, answer := send(t, kit, "large.txt", file)
	require.Equal(t, 202, status)
	require.JSONEq(t, `{"name":"large.txt","size":17000000}`, answer)
	require.Equal(t, []string{"summarize upload"}, kit.Held())
	requireOpenFiles(t, dir, 1)

	// The response is here. Only now the task begins.
	require.NoError(t, kit.Step("summarize upload").Err)
	require.Equal(t, []summary{want}, reports)
	kit.Release()
	kit.Wait()
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
	kit := velithontest.New(t, app)

	status, _ := send(t, kit, "large.txt", file)
	require.Equal(t, 202, status)

	require.Len(t, kit.Wait(), 1)
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
	kit := velithontest.New(t, app)

	status, _ := send(t, kit, "large.txt", file)
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
	kit := velithontest.New(t, app)

	answer := velithontest.Post[any](kit, "/upload", "file=text", "Content-Type: application/x-www-form-urlencoded")
	require.Equal(t, 422, answer.Status)
	answer = velithontest.Post[any](kit, "/upload", "text", "Content-Type: text/plain")
	require.Equal(t, 415, answer.Status)

	require.Empty(t, kit.Wait())
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
func send(t *testing.T, kit *velithontest.Kit, name string, file []byte) (status int, text string) {
	t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = part.Write(file)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	answer := velithontest.Post[any](kit, "/upload", &form, "Content-Type: "+writer.FormDataContentType())
	return answer.Status, answer.Text
}
