package responses_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/velithon-go/velithon/responses"
)

const published = "Sat, 02 May 2026 10:00:00 GMT"

// newFile makes a file of ten digits, published at a known time.
func newFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o600))
	modified, err := time.Parse(time.RFC1123, published)
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(path, modified, modified.Add(700*time.Millisecond)))
	return path
}

func TestFileOnTheWire(t *testing.T) {
	path := newFile(t, "list.txt")
	head := []string{
		"HTTP/1.1 200 OK", "Content-Type: text/plain; charset=utf-8", "Content-Length: 10",
		"Last-Modified: " + published, "Accept-Ranges: bytes",
	}
	sent, err := exchange(t, responses.File(path), get())
	require.NoError(t, err)
	assert.Equal(t, message("0123456789", head...), sent)

	sent, err = exchange(t, responses.File(path), request("HEAD"))
	require.NoError(t, err)
	assert.Equal(t, message("", head...), sent)

	sent, err = exchange(t, responses.File(path), "GET / HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	assert.Equal(t, message("0123456789", head...), sent)

	sent, err = exchange(t, responses.FileResponse{Path: path, Name: "a.txt", ContentType: "text/x", Status: 201}, get("Range: bytes=0-1"))
	require.NoError(t, err)
	assert.Equal(t, message("0123456789", "HTTP/1.1 201 Created", "Content-Type: text/x", "Content-Length: 10",
		`Content-Disposition: attachment; filename="a.txt"`), sent, "a 201 knows neither ranges nor conditions")

	sent, err = exchange(t, responses.File(path), request("POST", "Range: bytes=0-1", "If-Modified-Since: "+published, "Content-Length: 0"))
	require.NoError(t, err)
	assert.Equal(t, 200, parse(t, sent).StatusCode(), "neither does a POST")
}

func TestFileContentType(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": "text/html; charset=utf-8", "a.JSON": "application/json", "a.unheard-of": "application/octet-stream", "a": "application/octet-stream",
	} {
		sent, err := exchange(t, responses.File(newFile(t, name)), get())
		require.NoError(t, err)
		assert.Equal(t, want, string(parse(t, sent).Header.ContentType()), name)
	}
}

func TestFileRange(t *testing.T) {
	path := newFile(t, "list.txt")
	for _, test := range []struct {
		lines        []string
		status       int
		body, ranged string
	}{
		{[]string{"Range: bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range: bytes=2-4", "If-Range: " + published}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range: bytes=2-4", "If-Range: Sat, 02 May 2026 10:00:01 GMT"}, 200, "0123456789", ""},
		{[]string{"Range: bytes=2-4", `If-Range: "7"`}, 200, "0123456789", ""},
		{[]string{"Range: bytes=7-"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range: bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range: bytes=0-1,5-6"}, 200, "0123456789", ""},
		{[]string{"Range: lines=0-1"}, 200, "0123456789", ""},
		{[]string{"Range: bytes=10-"}, 416, "", "bytes */10"},
		{[]string{"Range: bytes=10-", "If-Modified-Since: " + published}, 304, "", ""},
	} {
		sent, err := exchange(t, responses.File(path), get(test.lines...))
		response := parse(t, sent)
		assert.Equal(t, test.status, response.StatusCode(), test.lines)
		assert.Equal(t, test.ranged, string(response.Header.Peek("Content-Range")), test.lines)
		if test.status == 416 {
			assert.EqualError(t, err, "416 Requested Range Not Satisfiable: the range lies outside of the file")
			continue
		}
		assert.NoError(t, err)
		assert.Equal(t, test.body, string(response.Body()), test.lines)
	}

	sent, err := exchange(t, responses.File(path), request("HEAD", "Range: bytes=2-4"))
	require.NoError(t, err)
	assert.Contains(t, sent, "HTTP/1.1 200 OK\r\n", "a HEAD has no range")
}

func TestParseRange(t *testing.T) {
	for _, test := range []struct {
		value         string
		size          int64
		ok            bool
		start, length int64
	}{
		{"bytes=0-0", 10, true, 0, 1},
		{"bytes=0-9", 10, true, 0, 10},
		{"bytes=0-99", 10, true, 0, 10},
		{"BYTES=3-", 10, true, 3, 7},
		{"bytes= 3-4\t", 10, true, 3, 2},
		{"bytes=-1", 10, true, 9, 1},
		{"bytes=-99", 10, true, 0, 10},
		{"bytes=-0", 10, true, 10, 0},
		{"bytes=-5", 0, true, 0, 0},
		{"bytes=10-", 10, true, 0, 0},
		{"bytes=0-", 0, true, 0, 0},
		{"bytes=99999999999999999999-", 10, true, 0, 0},
		{"bytes=0-99999999999999999999", 10, true, 0, 10},
		{"bytes=-99999999999999999999", 10, true, 0, 10},
		{value: "", size: 10},
		{value: "bytes", size: 10},
		{value: "bytes=", size: 10},
		{value: "bytes=-", size: 10},
		{value: "bytes=5-3", size: 10},
		{value: "bytes=+1-3", size: 10},
		{value: "bytes=--3", size: 10},
		{value: "bytes=1-2-3", size: 10},
		{value: "bytes=0x1-2", size: 10},
		{value: "bytes=1 - 2", size: 10},
		{value: "bytes=0-1,3-4", size: 10},
		{value: "bytes =0-1", size: 10},
		{value: "items=0-1", size: 10},
	} {
		got, ok := responses.ParseRange(test.value, test.size)
		assert.Equal(t, test.ok, ok, test.value)
		if ok && test.length == 0 {
			assert.Zero(t, got.Length(), test.value)
		} else if ok {
			assert.Equal(t, [2]int64{test.start, test.length}, [2]int64{got.Start(), got.Length()}, test.value)
		}
	}
}

func TestFileNotModified(t *testing.T) {
	path := newFile(t, "list.txt")
	for _, test := range []struct {
		lines  []string
		status int
	}{
		{[]string{"If-Modified-Since: " + published}, 304},
		{[]string{"If-Modified-Since: Sat, 02 May 2026 10:00:01 GMT"}, 304},
		{[]string{"If-Modified-Since: Sat, 02 May 2026 09:59:59 GMT"}, 200},
		{[]string{"If-Modified-Since: yesterday"}, 200},
		{[]string{"If-Modified-Since: " + published, `If-None-Match: "7"`}, 200},
	} {
		response := responses.FileResponse{Path: path, Name: "a.txt", Header: responses.Header{"Cache-Control": {"private"}}}
		sent, err := exchange(t, response, get(test.lines...))
		require.NoError(t, err)
		assert.Equal(t, test.status, parse(t, sent).StatusCode(), test.lines)
		if test.status == 304 {
			assert.Equal(t, message("", "HTTP/1.1 304 Not Modified", "Last-Modified: "+published, "Cache-Control: private"), sent)
		}
	}

	undated := newFile(t, "undated")
	require.NoError(t, os.Chtimes(undated, time.Unix(0, 0), time.Unix(0, 0)))
	sent, err := exchange(t, responses.File(undated), get("If-Modified-Since: "+published, "Range: bytes=0-1", "If-Range: Thu, 01 Jan 1970 00:00:00 GMT"))
	require.NoError(t, err)
	assert.Equal(t, 200, parse(t, sent).StatusCode())
	assert.NotContains(t, sent, "Last-Modified")
}

func TestFileThatIsNotThere(t *testing.T) {
	directory := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(directory, "open"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "secret"), []byte("secret"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "open", "file"), []byte("fine"), 0o600))
	require.NoError(t, os.Symlink("../secret", filepath.Join(directory, "open", "link")))
	require.NoError(t, os.Symlink("loop", filepath.Join(directory, "open", "loop")))
	root, err := os.OpenRoot(filepath.Join(directory, "open"))
	require.NoError(t, err)
	defer root.Close()

	long := strings.Repeat("long", 100)
	for _, response := range []responses.FileResponse{
		responses.File(filepath.Join(directory, "none")),
		responses.File(filepath.Join(directory, "secret", "below")),
		responses.File(filepath.Join(directory, long)),
		responses.File(filepath.Join(directory, "loop")),
		responses.File(directory),
		responses.File("a\x00b"),
		responses.File(""),
		{Root: root, Path: "none"},
		{Root: root, Path: "../secret"},
		{Root: root, Path: filepath.Join(directory, "secret")},
		{Root: root, Path: "link"},
		{Root: root, Path: "loop"},
		{Root: root, Path: "file/below"},
		{Root: root, Path: "file\x00"},
		{Root: root, Path: long},
		{Root: root, Path: "."},
		{Root: root, Path: ""},
	} {
		sent, err := exchange(t, response, get())
		problem := responses.ProblemFor(err)
		assert.Equal(t, 404, problem.StatusCode(), response.Path)
		assert.Error(t, problem.Cause, response.Path)
		assert.Equal(t, `{"title":"Not Found","status":404,"detail":"file not found"}`, string(parse(t, sent).Body()), response.Path)
	}

	sent, err := exchange(t, responses.FileResponse{Root: root, Path: "file"}, get())
	require.NoError(t, err)
	assert.Equal(t, "fine", string(parse(t, sent).Body()))

	require.NoError(t, root.Close())
	_, err = exchange(t, responses.FileResponse{Root: root, Path: "file"}, get())
	assert.ErrorIs(t, err, fs.ErrClosed)
	assert.Equal(t, 500, responses.ProblemFor(err).StatusCode(), "the program's mistake, not the client's")
}

// The work after the response may delete the file, or write another.
func TestFileIsNotCached(t *testing.T) {
	path := newFile(t, "list.txt")
	for _, content := range []string{"first", "second, longer"} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		sent, err := exchange(t, responses.File(path), get())
		require.NoError(t, err)
		assert.Equal(t, content, string(parse(t, sent).Body()))
		require.NoError(t, os.Remove(path))
	}
	_, err := exchange(t, responses.File(path), get())
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// A file of many pieces goes through a real socket, where the kernel sends it.
func TestFileThatIsLarge(t *testing.T) {
	content := make([]byte, 3<<20+17)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	path := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	handler := func(raw *fasthttp.RequestCtx) { assert.NoError(t, answer(raw, responses.File(path))) }

	for name, wrapped := range map[string]fasthttp.RequestHandler{"plain": handler, "compressed": fasthttp.CompressHandler(handler)} {
		listener := listen(t)
		serve(t, listener, wrapped)
		for _, part := range []struct {
			line string
			want []byte
		}{
			{"X: y", content},
			{"Range: bytes=1000-2000000", content[1000:2000001]},
			{"Accept-Encoding: gzip", content},
		} {
			connection := dial(t, listener)
			_, err := io.WriteString(connection, get(part.line))
			require.NoError(t, err)
			sent, err := io.ReadAll(connection)
			require.NoError(t, err)
			body, err := parse(t, string(sent)).BodyUncompressed()
			require.NoError(t, err)
			assert.True(t, bytes.Equal(part.want, body), "%s, %s", name, part.line)
		}
	}
}

// What keeps the server from reading a file that is there is no 404.
func TestAFileThatCannotBeReadIsNotMissing(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EACCES, syscall.EMFILE, syscall.ENFILE, syscall.EIO} {
		err := &fs.PathError{Op: "open", Path: "file", Err: errno}
		assert.Same(t, err, responses.Missing(err), errno.Error())
	}
}

// A file that gets shorter while it is sent must not pass for whole.
func TestFileThatShrinks(t *testing.T) {
	path := newFile(t, "list.txt")
	handler := func(raw *fasthttp.RequestCtx) {
		assert.NoError(t, answer(raw, responses.File(path)))
		assert.NoError(t, os.Truncate(path, 4))
	}
	for _, handler := range []fasthttp.RequestHandler{handler, fasthttp.CompressHandler(handler)} {
		require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o600))
		sent := exchangeWith(t, handler, get("Accept-Encoding: gzip"))
		assert.Error(t, new(fasthttp.Response).Read(bufio.NewReader(strings.NewReader(sent))), "%q", sent)
	}
}

func TestFileIsReadable(t *testing.T) {
	path := newFile(t, "list.txt")
	for _, size := range []int{1, 4, 100} { // smaller and larger than the part
		var raw fasthttp.RequestCtx
		raw.Request.Header.Set("Range", "bytes=2-7")
		require.NoError(t, responses.File(path).Write(&raw))
		var body strings.Builder
		_, err := io.CopyBuffer(&body, struct{ io.Reader }{raw.Response.BodyStream()}, make([]byte, size))
		require.NoError(t, err)
		assert.Equal(t, "234567", body.String())
		assert.NoError(t, raw.Response.CloseBodyStream())
	}

	var raw fasthttp.RequestCtx
	require.NoError(t, responses.File(path).Write(&raw))
	require.NoError(t, os.Truncate(path, 4))
	_, err := io.ReadAll(raw.Response.BodyStream())
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.ErrorIs(t, raw.Response.CloseBodyStream(), io.ErrUnexpectedEOF)
}

// The deadline counts for each piece of the file.
func TestFileDeadline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(path, make([]byte, 2<<20), 0o600))
	synctest.Test(t, func(t *testing.T) {
		server := &fasthttp.Server{
			Handler: func(raw *fasthttp.RequestCtx) {
				assert.NoError(t, answer(raw, responses.FileResponse{Path: path, WriteTimeout: 10 * time.Second}))
			},
			WriteTimeout: time.Second, // fasthttp's own, for a whole response
			Logger:       quiet{},
		}
		pipe := fasthttputil.NewPipeConns()
		go func() {
			_ = server.ServeConn(pipe.Conn2())
			_ = pipe.Conn2().Close()
		}()
		_, err := io.WriteString(pipe.Conn1(), get())
		require.NoError(t, err)
		start := time.Now()
		var sent bytes.Buffer
		for {
			_, err := io.CopyN(&sent, pipe.Conn1(), 128<<10)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			time.Sleep(3 * time.Second)
		}
		assert.Len(t, parse(t, sent.String()).Body(), 2<<20)
		assert.Greater(t, time.Since(start), 40*time.Second)
	})
}

func TestFileIsClosed(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc to count descriptors in, which Linux has")
	}
	path := newFile(t, "list.txt")
	open := func() (n int) {
		entries, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		for _, entry := range entries {
			if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && target == path {
				n++
			}
		}
		return n
	}
	bad := responses.FileResponse{Path: path, Header: responses.Header{"Date": {"x"}}}
	for name, handler := range map[string]fasthttp.RequestHandler{
		"sent":     func(raw *fasthttp.RequestCtx) { _ = answer(raw, responses.File(path)) },
		"refused":  func(raw *fasthttp.RequestCtx) { _ = answer(raw, bad) },
		"replaced": func(raw *fasthttp.RequestCtx) { _ = answer(raw, responses.File(path)); raw.SetBodyString("x") },
		"reset":    func(raw *fasthttp.RequestCtx) { _ = answer(raw, responses.File(path)); raw.Response.Reset() },
	} {
		for _, text := range []string{
			get(), request("HEAD"), get("Range: bytes=1-2"), get("Range: bytes=99-"), get("If-Modified-Since: " + published),
		} {
			exchangeWith(t, handler, text)
			assert.Zero(t, open(), "%s: %q", name, text)
		}
	}
}

func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt":            `attachment; filename="a.txt"`,
		"my list.txt":      `attachment; filename="my list.txt"`,
		`a"b.txt`:          `attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt`,
		"100%.txt":         `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`,
		"straße €.pdf":     `attachment; filename="stra_e _.pdf"; filename*=UTF-8''stra%C3%9Fe%20%E2%82%AC.pdf`,
		"../../etc/passwd": `attachment; filename=".._.._etc_passwd"`,
		`c:\a.txt`:         `attachment; filename="c:_a.txt"`,
		"a\r\nB: c\x00":    `attachment; filename="a__B: c_"`,
		"a\xff.txt":        `attachment; filename="a_.txt"`,
		"a;b'c*.txt":       `attachment; filename="a;b'c*.txt"`,
	} {
		assert.Equal(t, want, responses.Attachment(name), "%q", name)
	}
}
