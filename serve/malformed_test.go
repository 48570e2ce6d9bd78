package serve_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/serve"
)

// A malformed message is refused and its connection closed, so that nothing
// which follows it is taken for a request. RFC 9112 asks for most of it, and
// where it leaves a choice, this table says what we chose.
type malformed struct {
	name   string
	send   string
	status int  // what it is refused with; 0 when the connection is closed without an answer
	first  int  // how many good requests stand before it, which are answered
	cut    bool // the message is cut off here, and the client sends no more

	// A shortfall is a heading of docs/security.md under which it says that
	// fasthttp takes this message, and what to do. The test fails when it is
	// refused at last, so that the document does not outlive its reason.
	shortfall string
}

// newHostileServer answers everything that is a request, and notes what it saw.
func newHostileServer(log io.Writer) (server, *journal) {
	seen := new(journal)
	return newServer(serve.Options{Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))},
		&handler{answer: func(raw *fasthttp.RequestCtx) {
			seen.add(string(raw.Method()) + " " + string(raw.RequestURI()))
			raw.SetBodyString("ok")
		}}), seen
}

// exchange sends bytes on a connection of its own, and returns the status of
// each answer until the server closes. When the client ends, it sends nothing
// more and says so.
func exchange(t *testing.T, address, text string, ends bool) (statuses []int) {
	t.Helper()
	conn := dial(t, address)
	_, _ = io.WriteString(conn, text) // the server may have closed before the end of it
	if ends {
		_ = conn.CloseWrite()
	}
	answers := bufio.NewReader(conn)
	for {
		// What is not read is thrown away with a reset, on some systems along
		// with the answer.
		if _, err := answers.Peek(1); err != nil {
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection was left open")
			return statuses
		}
		response, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		if response.StatusCode != http.StatusContinue {
			statuses = append(statuses, response.StatusCode)
		}
	}
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	var log logBuffer
	document, err := os.ReadFile("../docs/security.md")
	require.NoError(t, err)
	server, seen := newHostileServer(&log)
	address := server.onSocket(t)
	total := 0
	for _, group := range []struct {
		name  string
		table []malformed
	}{
		{"request line", requestLines},
		{"version", versions},
		{"fields", fields},
		{"content length", lengths},
		{"transfer encoding", codings},
		{"chunks", chunks},
		{"connection", connections},
	} {
		for _, m := range group.table {
			total++
			t.Run(group.name+"/"+m.name, func(t *testing.T) {
				before := len(seen.all())
				text := m.send
				if !m.cut {
					text += second
				}
				statuses := exchange(t, address, text, m.cut || m.shortfall != "")
				handled := seen.all()[before:]
				err := m.judge(statuses, handled)
				if m.shortfall == "" {
					assert.NoError(t, err)
					return
				}
				assert.Error(t, err, "this is refused by now: take it out of %q in docs/security.md", m.shortfall)
				assert.Contains(t, string(document), "\n### "+m.shortfall+"\n")
				for _, status := range statuses {
					assert.Less(t, status, 500)
				}
			})
		}
	}
	assert.GreaterOrEqual(t, total, 150)
	response, _ := send(t, address, request("GET", "/", ""))
	assert.Equal(t, 200, response.StatusCode, "the server is well afterwards")
	assert.Empty(t, log.String(), "nothing in it is worth a warning")
}

// judge says how a message was dealt with otherwise than it should be.
func (m malformed) judge(statuses []int, handled []string) error {
	var want []int
	for range m.first {
		want = append(want, 200)
	}
	if m.status != 0 {
		want = append(want, m.status)
	}
	// When the server closes with bytes unread, the answer may be lost.
	lost := len(m.send) > headerLimit && len(statuses) == m.first
	if fmt.Sprint(statuses) != fmt.Sprint(want) && !lost {
		return fmt.Errorf("answered with %v, want %v", statuses, want)
	}
	if len(handled) != m.first {
		return fmt.Errorf("handlers saw %q, want %d requests", handled, m.first)
	}
	return nil
}

// What is refused is told in words, and does not reach the handler.
func TestWhatIsMalformedIsTold(t *testing.T) {
	server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
		assert.NotContains(t, string(raw.RequestURI()), "refused")
		raw.SetBodyString("taken")
	}})
	address := server.onSocket(t)
	const end = "Host: x\r\nConnection: close\r\n\r\n"
	const chunks = "\r\n1\r\nx\r\n0\r\n\r\n"
	const bothFraming = "the fields Transfer-Encoding and Content-Length leave it open where the body ends"
	for _, test := range []struct{ message, detail string }{
		{"POST /refused HTTP/1.2\r\n" + end, "the version is neither HTTP/1.1 nor HTTP/1.0"},
		{"POST /refused#x HTTP/1.1\r\n" + end, "the request target is malformed"},
		{"POST http://x/refused#x HTTP/1.1\r\n" + end, "the request target is malformed"},
		{"POST http://user@x/refused HTTP/1.1\r\n" + end, "the request target is malformed"},
		{"POST /refused HTTP/1.1\r\nHost: user@x\r\nConnection: close\r\n\r\n", "the field Host is malformed"},
		{"POST /refused HTTP/1.1\r\nTransfer-Encoding: identity\r\n" + end, bothFraming},
		{"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nX: a\nTransfer-Encoding: chunked\r\n" + chunks, bothFraming},
		{"POST /refused HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\nHost: x\r\n" + chunks, bothFraming},
		{"POST /taken HTTP/1.0\r\n" + end, ""},
		{"POST /taken HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\nConnection: close\r\n" + chunks, ""},
		{"POST http://x/taken?y@z HTTP/1.1\r\n" + end, ""},
	} {
		response, body := send(t, address, test.message)
		assert.True(t, response.Close, test.message)
		if test.detail == "" {
			assert.Equal(t, 200, response.StatusCode, test.message)
			assert.Equal(t, "taken", body, test.message)
			continue
		}
		assert.Equal(t, 400, response.StatusCode, test.message)
		assert.Equal(t, test.detail, detailOf(t, body), test.message)
	}
}

// A proxy takes away the fields that only it may set, and passes trailers on.
func TestTrailersAreNoFields(t *testing.T) {
	names := []string{"X-User", "X-Trace", "User-Agent"}
	server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
		for _, name := range names {
			for _, value := range raw.Request.Header.PeekAll(name) {
				raw.Response.AppendBodyString(name + ": " + string(value) + "\n")
			}
		}
	}})
	address := server.onSocket(t)
	const header = "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Trace: sent\r\n"
	const trace, agent = "X-Trace: sent\n", "User-Agent: first\n"
	for name, test := range map[string]struct{ send, fields string }{
		"trailers":                       {header + "\r\n2\r\n{}\r\n0\r\nX-User: admin\r\nx-trace: other\r\nUser-Agent: other\r\n\r\n", trace},
		"trailers without a body":        {header + "\r\n0\r\nX-User: admin\r\nX-Trace: other\r\n\r\n", trace},
		"announced trailers":             {header + "Trailer: X-User, X-Trace, User-Agent\r\nUser-Agent: first\r\n\r\n2\r\n{}\r\n0\r\nX-User: admin\r\nX-Trace: other\r\nUser-Agent: other\r\n\r\n", trace + agent},
		"as many as may be":              {header + "Trailer: X-Trace, X-User," + manyNames(62, ",") + "\r\n\r\n2\r\n{}\r\n0\r\nX-User: admin\r\n" + manyNames(62, ": y\r\n") + "\r\n", trace},
		"trailers that never came":       {header + "Trailer: X-User, X-Trace, User-Agent\r\nUser-Agent: first\r\n\r\n2\r\n{}\r\n0\r\n\r\n", trace + agent},
		"a field that is a trailer, too": {header + "X-User: ada\r\nTrailer: X-User\r\n\r\n0\r\nX-User: root\r\n\r\n", "X-User: ada\n" + trace},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := send(t, address, test.send)
			require.Equal(t, 200, response.StatusCode, body)
			assert.Equal(t, test.fields, body)
		})
	}
}

// manyNames returns the names of n fields, each with an end.
func manyNames(n int, end string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("X-" + itoa(i) + end)
	}
	return b.String()
}
