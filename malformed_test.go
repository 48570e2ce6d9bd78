package velithon_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/routing"
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

// witness counts what the handlers saw.
type witness struct{ journal }

func (w *witness) handle(ctx context.Context, _ struct{}) (string, error) {
	raw, err := routing.RequestCtx(ctx)
	if err != nil {
		return "", err
	}
	w.add(string(raw.Method()) + " " + string(raw.RequestURI()))
	return "ok", nil
}

// newHostileApp answers everything that is a request, whatever its target.
func newHostileApp(log io.Writer) (*velithon.App, *witness) {
	seen := new(witness)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"} {
		app.Handle(method, "/{path:*}", routing.NewEndpoint(seen.handle))
	}
	return app, seen
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
	var log bytes.Buffer
	app, seen := newHostileApp(&log)
	address := serve(t, app)
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
				assert.Contains(t, read(t, "docs/security.md"), "\n### "+m.shortfall+"\n")
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
	lost := len(m.send) > velithon.DefaultHeaderLimit && len(statuses) == m.first
	if fmt.Sprint(statuses) != fmt.Sprint(want) && !lost {
		return fmt.Errorf("answered with %v, want %v", statuses, want)
	}
	if len(handled) != m.first {
		return fmt.Errorf("handlers saw %q, want %d requests", handled, m.first)
	}
	return nil
}
