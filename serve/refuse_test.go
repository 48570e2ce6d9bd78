package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/serve"
)

// refusals are what OnRefused was told.
type refusals struct {
	mu   sync.Mutex // guards told
	told []string
}

func (r *refusals) tell(raw *fasthttp.RequestCtx, problem *responses.Problem) {
	host, _, _ := net.SplitHostPort(raw.RemoteAddr().String())
	raw.Response.Header.Set("Access-Control-Allow-Origin", "*")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, fmt.Sprintf("%d %s %s %s", problem.StatusCode(), problem.Detail, host, raw.Response.Header.Peek("X-Request-Id")))
}

func (r *refusals) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.told...)
}

// newRefusingServer answers any request. It takes 64 MiB at /upload.
func newRefusingServer(o serve.Options) server {
	h := &handler{answer: say("ok")}
	h.config = func(header *fasthttp.RequestHeader) (config fasthttp.RequestConfig) {
		if string(header.RequestURI()) == "/upload" {
			config.MaxRequestBodySize = 64 << 20
		}
		return config
	}
	return newServer(o, h)
}

// multipartForm returns a form with one file of zeros, and its type.
func multipartForm(t *testing.T, size int) (body, contentType string) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "f.bin")
	require.NoError(t, err)
	_, err = part.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return form.String(), w.FormDataContentType()
}

const (
	malformedDetail = "the request can't be parsed: its HTTP or its multipart form is malformed"
	tooLargeDetail  = "the request body is too large"
)

// Each answer of the server's own is told once, with what the client is told, and
// can be given further fields.
func TestRefusalsAreTold(t *testing.T) {
	large := strings.Repeat("x", 200_000)
	var names []string
	for i := range 65 {
		names = append(names, fmt.Sprint("X-", i))
	}
	for _, test := range []struct {
		name, send string
		status     int
		detail     string
		wait       bool // until the time is up
	}{
		{"no HTTP", "nonsense\r\n\r\n", 400, malformedDetail, false},
		{"a bad chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400, malformedDetail, false},
		{"a bad form", request("POST", "/", "--nonsense", "Content-Type: multipart/form-data; boundary=b"), 400, malformedDetail, false},
		{"what fasthttp takes", "GET /healthy HTTP/1.2\r\nHost: x\r\n\r\n", 400, "the version is neither HTTP/1.1 nor HTTP/1.0", false},
		{"another host", "GET http://a@b/healthy HTTP/1.1\r\nHost: x\r\n\r\n", 400, "the request target is malformed", false},
		{"a large body", request("POST", "/", large), 413, tooLargeDetail, false},
		{"a large body in chunks", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" + large + "\r\n0\r\n\r\n", 413, tooLargeDetail, false},
		{"a large body that is not sent yet", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\nExpect: 100-continue\r\n\r\n", 413, tooLargeDetail, false},
		{"a large header", "GET /healthy HTTP/1.1\r\nHost: x\r\nX: " + large + "\r\n\r\n", 431, "the request header is too large", false},
		{"many trailers", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: " + strings.Join(names, ",") + "\r\n\r\n0\r\n\r\n", 431, "the request has too many trailers", false},
		{"a header without CRLF at its end", "GET /healthy HTTP/1.1\nHost: x\n\n", 408, "the request did not arrive in time", true},
		{"half a request", "GET /healthy HTTP/1.1\r\n", 408, "the request did not arrive in time", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var told refusals
			options := serve.Options{BodyLimit: 100_000, OnRefused: told.tell}
			if test.wait {
				options.ReadTimeout = 50 * time.Millisecond
			}
			var log logBuffer
			options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			address := newRefusingServer(options).onSocket(t)
			response, body := send(t, address, test.send)
			require.Equal(t, test.status, response.StatusCode)
			assert.Equal(t, test.detail, detailOf(t, body))
			assert.Equal(t, "*", response.Header.Get("Access-Control-Allow-Origin"))
			assert.True(t, response.Close)
			id := response.Header.Get("X-Request-Id")
			assert.Equal(t, []string{fmt.Sprintf("%d %s 127.0.0.1 %s", test.status, test.detail, id)}, told.all())
			assert.Contains(t, log.String(), fmt.Sprintf(`level=DEBUG msg="a request was refused" request_id=%s status=%d reason=%q address=127.0.0.1:`, id, test.status, test.detail))
			assert.Equal(t, 1, strings.Count(log.String(), "a request was refused"))
		})
	}
}

// A client that resets the connection is not there to be refused, and monitoring
// that connects and resets is no malformed request.
func TestAResetConnectionIsNotRefused(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":       "",
		"half a header": "POST / HTTP/1.1\r\nHo",
		"half a body":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n\"x",
		"half a form":   "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			var told refusals
			server := newRefusingServer(serve.Options{OnRefused: told.tell})
			address := server.onSocket(t)
			conn := dial(t, address)
			write(t, conn, sent)
			require.NoError(t, conn.SetLinger(0))
			require.NoError(t, conn.Close())
			send(t, address, request("GET", "/healthy", "", "Connection: close")) // the other one was accepted before
			server.shutdown(t)
			assert.Empty(t, told.all())
		})
	}
}

// What the service does when it is told must not cost it anything else.
func TestToldOfARefusalItMayPanic(t *testing.T) {
	for name, test := range map[string]struct {
		told func(*fasthttp.RequestCtx, *responses.Problem)
		log  string
	}{
		"panic":  {func(*fasthttp.RequestCtx, *responses.Problem) { panic("boom") }, "panic in OnRefused"},
		"Goexit": {func(*fasthttp.RequestCtx, *responses.Problem) { runtime.Goexit() }, "runtime.Goexit"},
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			newAddress := func(connections int) string {
				return newRefusingServer(serve.Options{
					Logger: slog.New(slog.NewTextHandler(&log, nil)), MaxConnections: connections, OnRefused: test.told,
				}).onSocket(t)
			}
			many, one := newAddress(0), newAddress(1)
			occupy(t, one)
			for range 3 {
				for text, address := range map[string]string{
					"nonsense\r\n\r\n": many, "GET /healthy HTTP/1.2\r\nHost: x\r\n\r\n": many, request("GET", "/healthy", ""): one,
				} {
					conn := dial(t, address)
					_, _ = io.WriteString(conn, text)
					answer, err := io.ReadAll(conn)
					assert.Contains(t, log.String(), test.log)
					if name == "panic" {
						require.NoError(t, err)
						assert.Regexp(t, "^HTTP/1.1 (400|503) ", string(answer))
					} else {
						require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection is closed")
						assert.Empty(t, answer)
					}
				}
			}
			occupy(t, many)
		})
	}
}

// A log whose handler panics, or ends the goroutine, is no reason not to answer.
func TestTheLogOfARefusalMayPanic(t *testing.T) {
	for name, enabled := range map[string]badLog{
		"panic":  func() bool { panic("boom") },
		"Goexit": func() bool { runtime.Goexit(); return false },
	} {
		many := newRefusingServer(serve.Options{Logger: slog.New(enabled)}).onSocket(t)
		for _, text := range []string{"nonsense\r\n\r\n", "GET /healthy HTTP/1.2\r\nHost: x\r\n\r\n"} {
			conn := dial(t, many)
			_, _ = io.WriteString(conn, text)
			answer, err := io.ReadAll(conn)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection is closed")
			if name == "panic" {
				assert.Regexp(t, "^HTTP/1.1 400 ", string(answer))
			}
		}
		occupy(t, many)
	}
}

// A badLog does something else when it is asked whether it wants a record.
type badLog func() bool

func (b badLog) Enabled(context.Context, slog.Level) bool  { return b() }
func (b badLog) Handle(context.Context, slog.Record) error { return nil }
func (b badLog) WithAttrs([]slog.Attr) slog.Handler        { return b }
func (b badLog) WithGroup(string) slog.Handler             { return b }

// occupy opens a connection that is served, and has had an answer.
func occupy(t *testing.T, address string) net.Conn {
	t.Helper()
	for {
		conn := dial(t, address)
		reader := bufio.NewReader(conn)
		if _, err := io.WriteString(conn, request("GET", "/healthy", "")); err == nil {
			if response, err := http.ReadResponse(reader, nil); err == nil && response.StatusCode == 200 {
				return conn
			}
		}
		conn.Close()
		runtime.Gosched()
	}
}

// A client that writes all before it reads, as many do, gets its answer all the
// same, and in every try.
func TestRefusalsReachTheClient(t *testing.T) {
	const tries = 20
	address := newRefusingServer(serve.Options{BodyLimit: 64 << 10}).onSocket(t)
	body := strings.Repeat("x", 8<<20)
	form, formType := multipartForm(t, 8<<20)
	for _, test := range []struct {
		name, send string
		status     int
	}{
		{"a body with its length", request("POST", "/", body), 413},
		{"a body in chunks", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n800000\r\n" + body + "\r\n0\r\n\r\n", 413},
		{"a form", request("POST", "/", form, "Content-Type: "+formType), 413},
		{"a bad form", request("POST", "/upload", body, "Content-Type: multipart/form-data; boundary=b"), 400},
		{"a header", "GET / HTTP/1.1\r\nHost: x\r\nX: " + body + "\r\n\r\n", 431},
		{"no HTTP", "nonsense\r\n\r\n" + body, 400},
		{"a malformed message before others", "GET / HTTP/1.2\r\nHost: x\r\n\r\n" + body, 400},
		{"a bad chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n" + body, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range tries {
				conn := dial(t, address)
				write(t, conn, test.send)
				reader := bufio.NewReader(conn)
				response, _ := receive(t, reader)
				require.Equal(t, test.status, response.StatusCode)
				_, err := reader.ReadByte()
				require.ErrorIs(t, err, io.EOF, "and sees that nothing follows")
				require.NoError(t, conn.Close())
			}
		})
	}
	t.Run("net/http", func(t *testing.T) {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for range tries {
			response, err := client.Post("http://"+address+"/", "application/json", strings.NewReader(body))
			require.NoError(t, err)
			require.Equal(t, 413, response.StatusCode)
			_, err = io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
		}
	})
}

// A client that asks first is told not to send its body.
func TestALargeBodyIsNotAskedFor(t *testing.T) {
	address := newRefusingServer(serve.Options{BodyLimit: 100}).onSocket(t)
	ask := func(target string, length int) *bufio.Reader {
		conn := dial(t, address)
		write(t, conn, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", target, length))
		return bufio.NewReader(conn)
	}
	for _, test := range []struct {
		target string
		length int
		status string
	}{
		{"/", 100, "HTTP/1.1 100 Continue\r\n"},
		{"/", 101, "HTTP/1.1 413 Request Entity Too Large\r\n"},
		{"/upload", 101, "HTTP/1.1 100 Continue\r\n"}, // has a limit of its own
		{"/upload", 64<<20 + 1, "HTTP/1.1 413 Request Entity Too Large\r\n"},
	} {
		line, err := ask(test.target, test.length).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, test.status, line, "%s %d", test.target, test.length)
	}
}

// stoppable are requests that may stop anywhere.
var stoppable = map[string]string{
	"a body":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n\"xy\"",
	"chunks":      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n4;a=\"b\";c\r\n\"xy\"\r\n0;c\r\nX: y\r\n\r\n",
	"a form":      request("POST", "/upload", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b"),
	"a late body": "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n\"xy\"",
}

// receiveFinal reads an answer behind those that ask for the body.
func receiveFinal(t *testing.T, conn io.Reader, sent string) *http.Response {
	t.Helper()
	reader := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err, "%q", sent)
		_, err = io.ReadAll(response.Body)
		require.NoError(t, err, "%q", sent)
		if response.StatusCode != 100 {
			return response
		}
	}
}

// Wherever a request stops, it did not arrive in time.
func TestARequestThatStopsAnywhereIs408(t *testing.T) {
	for name, text := range stoppable {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := newRefusingServer(serve.Options{}).inMemory(t)
				for end := 1; end < len(text); end++ {
					conn := listener.dial(t)
					go func() { _, _ = io.WriteString(conn, text[:end]) }()
					assert.Equal(t, 408, receiveFinal(t, conn, text[:end]).StatusCode, "%q", text[:end])
					require.NoError(t, conn.Close())
				}
			})
		})
	}
}

// The same with the deadlines of fasthttp, on a socket.
func TestARequestThatStopsIs408ByFasthttp(t *testing.T) {
	server := newServer(serve.Options{ReadTimeout: 10 * time.Millisecond}, &handler{
		answer: say("ok"), hasReadTimeout: true,
		config: func(*fasthttp.RequestHeader) (none fasthttp.RequestConfig) { return none },
	})
	address := server.onSocket(t)
	var wg sync.WaitGroup
	for name, text := range stoppable {
		for end := 1; end < len(text); end++ {
			conn := dial(t, address)
			wg.Go(func() {
				_, _ = io.WriteString(conn, text[:end])
				assert.Equal(t, 408, receiveFinal(t, conn, text[:end]).StatusCode, "%s: %q", name, text[:end])
				_ = conn.Close()
			})
		}
	}
	wg.Wait()
}

// An upload that can't be stored is the server's fault, and the log says why.
func TestAnUploadWithoutAFolder(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	var log logBuffer
	var told refusals
	address := newRefusingServer(serve.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), OnRefused: told.tell}).onSocket(t)
	form, formType := multipartForm(t, 17<<20)
	response, body := send(t, address, request("POST", "/upload", form, "Content-Type: "+formType))
	assert.Equal(t, 500, response.StatusCode)
	assert.Equal(t, "the server could not store the upload", detailOf(t, body))
	assert.Contains(t, log.String(), `level=ERROR msg="a request could not be read" request_id=`+response.Header.Get("X-Request-Id"))
	assert.Contains(t, log.String(), "no such file or directory")
	assert.Len(t, told.all(), 1)

	// One that needs no file does not fail.
	form, formType = multipartForm(t, 1000)
	response, _ = send(t, address, request("POST", "/upload", form, "Content-Type: "+formType))
	assert.Equal(t, 200, response.StatusCode)
}
