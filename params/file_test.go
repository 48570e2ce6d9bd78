package params_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/velithon-go/velithon/params"
)

type uploads struct {
	One  params.File   `form:"one" validate:"required"`
	Ptr  *params.File  `form:"ptr"`
	Many []params.File `form:"many" validate:"max=2"`
	N    int           `form:"n"`
}

// upload decodes a multipart body that came from the wire.
func upload(t testing.TB, plan *params.Plan, in any, parts ...part) (*fasthttp.RequestCtx, error) {
	t.Helper()
	contentType, body := multipartBody(t, parts...)
	ctx, err := parsed(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body)), body)
	require.NoError(t, err)
	return ctx, plan.Decode(ctx, in)
}

func read(t testing.TB, f params.File) string {
	t.Helper()
	r, err := f.Open()
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(text)
}

func TestUploads(t *testing.T) {
	plan := compile[uploads](t)
	var in uploads
	ctx, err := upload(t, plan, &in,
		part{"one", "a.txt", "first"}, part{"many", "b.txt", ""}, part{"many", "c.txt", "third"}, part{"n", "", "5"})
	require.NoError(t, err)
	ctx.Request.Reset() // fasthttp is done with the request; the files are not
	assert.True(t, in.One.Given())
	assert.Equal(t, "a.txt", in.One.Name)
	assert.Equal(t, "text/plain", in.One.ContentType)
	assert.EqualValues(t, 5, in.One.Size)
	assert.Equal(t, "first", read(t, in.One))
	assert.Equal(t, "first", read(t, in.One), "each reader starts at the beginning")
	assert.Nil(t, in.Ptr)
	require.Len(t, in.Many, 2)
	assert.Empty(t, read(t, in.Many[0]))
	assert.Equal(t, "third", read(t, in.Many[1]))
	assert.Equal(t, 5, in.N)
	plan.Release(&in)
}

func TestUploadFaults(t *testing.T) {
	plan := compile[uploads](t)
	var in uploads
	_, err := upload(t, plan, &in)
	assert.Equal(t, []string{"form one required"}, brief(asError(t, err)))

	in = uploads{}
	_, err = upload(t, plan, &in, part{"one", "a", "x"}, part{"ptr", "b", "x"}, part{"ptr", "c", "x"},
		part{"many", "1", ""}, part{"many", "2", ""}, part{"many", "3", ""}, part{"n", "", "x"})
	assert.Equal(t, []string{"form ptr duplicate", "form many max", "form n type"}, brief(asError(t, err)))
	_, err = in.One.Open()
	assert.ErrorIs(t, err, os.ErrClosed, "a refused request keeps no file open")
	for _, f := range in.Many {
		_, err = f.Open()
		assert.ErrorIs(t, err, os.ErrClosed)
	}
}

// It is the server that can't read what it has stored, so the client is not blamed.
func TestAnUploadThatCannotBeRead(t *testing.T) {
	gone := func(*multipart.FileHeader) *multipart.FileHeader { return &multipart.FileHeader{Filename: "a"} }
	shorter := func(header *multipart.FileHeader) *multipart.FileHeader {
		header.Size++
		return header
	}
	type file struct {
		X params.File `form:"x"`
	}
	type text struct {
		X string `form:"x"`
	}
	for name, test := range map[string]struct {
		plan    *params.Plan
		in      any
		changed func(*multipart.FileHeader) *multipart.FileHeader
	}{
		"a file that is gone":    {compile[file](t), &file{}, gone},
		"a text that is gone":    {compile[text](t), &text{}, gone},
		"a text that is shorter": {compile[text](t), &text{}, shorter},
	} {
		contentType, body := multipartBody(t, part{"x", "a", "text"})
		raw := request{contentType: contentType, body: body}.ctx()
		form, err := raw.MultipartForm()
		require.NoError(t, err, name)
		form.File["x"][0] = test.changed(form.File["x"][0])
		invalid := asError(t, test.plan.Decode(raw, test.in))
		assert.Equal(t, 500, invalid.Status, name)
		assert.Equal(t, "the upload could not be read", invalid.Detail, name)
		assert.Error(t, invalid.Err, name)
	}
}

func TestFileLifeCycle(t *testing.T) {
	plan := compile[uploads](t)
	var in uploads
	_, err := upload(t, plan, &in, part{"one", "a", "content"}, part{"ptr", "b", "behind a pointer"})
	require.NoError(t, err)
	held, err := in.One.Open()
	require.NoError(t, err)
	copied := in.One

	plan.Release(&in)
	for _, f := range []params.File{in.One, copied, *in.Ptr} {
		_, err = f.Open()
		assert.ErrorIs(t, err, os.ErrClosed)
		assert.True(t, f.Given())
	}
	plan.Release(&in)
	_, err = in.One.Open()
	assert.ErrorIs(t, err, os.ErrClosed, "a second Release does not bring the file back")

	start := make([]byte, 3)
	_, err = io.ReadFull(held, start)
	require.NoError(t, err)
	assert.Equal(t, "con", string(start), "an open reader keeps the file")
	_, err = held.Seek(-2, io.SeekEnd)
	require.NoError(t, err)
	rest, err := io.ReadAll(held)
	require.NoError(t, err)
	assert.Equal(t, "nt", string(rest))
	require.NoError(t, held.Close())
	require.NoError(t, held.Close())
	_, err = held.Read(start)
	assert.ErrorIs(t, err, os.ErrClosed)

	_, err = params.File{}.Open()
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.False(t, params.File{}.Given())
}

func TestFileIsReadByManyAtOnce(t *testing.T) {
	plan := compile[uploads](t)
	var in uploads
	content := strings.Repeat("0123456789", 1000)
	_, err := upload(t, plan, &in, part{"one", "a", content})
	require.NoError(t, err)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 20 {
				r, err := in.One.Open()
				if err != nil {
					assert.ErrorIs(t, err, os.ErrClosed)
					return
				}
				text, err := io.ReadAll(r)
				assert.NoError(t, err)
				assert.Equal(t, content, string(text))
				assert.NoError(t, r.Close())
			}
		})
	}
	plan.Release(&in)
	readers.Wait()
	_, err = in.One.Open()
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestFileNames(t *testing.T) {
	for sent, want := range map[string]string{
		"a.txt": "a.txt", "../../etc/passwd": "passwd", "/etc/passwd": "passwd", `C:\x\y.txt`: "y.txt", `..\..\z`: "z",
		"..": "", ".": "", "/": "", `\`: "", "a/": "a", "a b.txt": "a b.txt", "€.txt": "€.txt", "\xff.txt": "\ufffd.txt", "exe.\u202etxt": "exe.txt", "\u200b": "",
	} {
		contentType, body := multipartBody(t, part{"one", sent, "x"})
		plan := compile[uploads](t)
		var in uploads
		err := plan.Decode(request{contentType: contentType, body: body}.ctx(), &in)
		require.NoError(t, err, "%q", sent)
		assert.Equal(t, want, in.One.Name, "%q", sent)
		plan.Release(&in)
	}
}

// TestTemporaryFileOutlivesTheRequest sends an upload that fasthttp puts on
// disk, and reads it after fasthttp deleted it.
func TestTemporaryFileOutlivesTheRequest(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	plan := compile[uploads](t)
	kept := make(chan params.File, 1)
	var in uploads
	server := fasthttp.Server{
		StreamRequestBody:  true,
		MaxRequestBodySize: 32 << 20,
		Handler: func(raw *fasthttp.RequestCtx) {
			if string(raw.Request.Header.ContentType()) == "text/plain" {
				return
			}
			assert.NoError(t, plan.Decode(raw, &in))
			kept <- in.One
		},
	}
	listener := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	content := bytes.Repeat([]byte("0123456789abcdef"), 17<<16) // 17 MiB, of which fasthttp keeps 16 in memory
	contentType, body := multipartBody(t, part{"one", "big.bin", string(content)})
	conn, err := listener.Dial()
	require.NoError(t, err)
	send(t, conn, contentType, body)
	file := <-kept
	send(t, conn, "text/plain", "") // the first request is over now

	entries, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, entries, "fasthttp removed its file")
	for range 2 {
		assert.True(t, bytes.Equal(content, []byte(read(t, file))), "what was sent") // too long to be printed
	}
	held, err := file.Open()
	require.NoError(t, err)
	plan.Release(&in)
	_, err = file.Open()
	assert.ErrorIs(t, err, os.ErrClosed)
	assert.Equal(t, 1, openUploads(t), "a reader is open")
	last, err := io.ReadAll(held)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, last), "what was sent")
	require.NoError(t, held.Close())
	assert.Zero(t, openUploads(t))

	require.NoError(t, conn.Close())
	require.NoError(t, server.Shutdown())
	require.NoError(t, <-served)
}

// openUploads returns how many temporary files the process has open. The test is
// skipped where the system does not tell.
func openUploads(t *testing.T) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc to count temporary files in, which Linux has: ", err)
	}
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && strings.HasPrefix(target, os.TempDir()) {
			n++
		}
	}
	return n
}

// send writes a request and reads its answer.
func send(t *testing.T, conn net.Conn, contentType, body string) {
	t.Helper()
	_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body)
	require.NoError(t, err)
	var response fasthttp.Response
	require.NoError(t, response.Read(bufio.NewReader(conn)))
}
