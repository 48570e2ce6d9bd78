package velithon_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/responses"
)

// feedApp has a feed at /events.
func feedApp() (*velithon.App, *responses.Feed) {
	feed := responses.NewFeed(responses.FeedOptions{})
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Get("/events", func(ctx context.Context, in struct {
		LastEventID string `header:"Last-Event-ID"`
	},
	) (*responses.EventStreamResponse, error) {
		return feed.Stream(ctx, in.LastEventID), nil
	})
	return app, feed
}

// follow asks for the events, and returns the body of the answer.
func follow(t *testing.T, conn net.Conn, fields string) io.Reader {
	t.Helper()
	write(t, conn, "GET /events HTTP/1.1\r\nHost: test\r\n"+fields+"\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, 200, response.StatusCode)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response.Body
}

// eventOf reads up to the end of an event or comment.
func eventOf(t *testing.T, lines *bufio.Reader) (text string) {
	t.Helper()
	for !strings.HasSuffix(text, "\n\n") {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		text += line
	}
	return text
}

// A client whose connection breaks asks another time, and misses nothing; a shutdown ends
// its stream as a whole.
func TestAFeedIsFollowedUntilTheShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, feed := feedApp()
		listener := serveInMemory(t, app)
		conn := listener.dial(t)
		lines := bufio.NewReader(follow(t, conn, ""))
		id := strings.TrimSpace(strings.TrimPrefix(eventOf(t, lines), "id: "))
		require.NoError(t, conn.Close())
		require.NoError(t, feed.Publish(responses.Event{Data: "one"}))

		body := follow(t, listener.dial(t), "Last-Event-ID: "+id+"\r\n")
		lines = bufio.NewReader(body)
		require.Contains(t, eventOf(t, lines), "\ndata: one\n\n")
		ended := make(chan error, 1)
		go func() { ended <- app.Shutdown(t.Context()) }()
		rest, err := io.ReadAll(lines)
		require.NoError(t, err, "the body has its end")
		require.Empty(t, rest)
		require.NoError(t, <-ended)
	})
}

// A client that is gone shows at a heartbeat, and the handler's context is cancelled.
func TestAHeartbeatCancelsTheContextOfTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/events", func(ctx context.Context, _ struct{}) (*responses.EventStreamResponse, error) {
			return responses.EventStream(func(*responses.EventWriter) error {
				<-ctx.Done()
				ended <- ctx.Err()
				return nil
			}), nil
		})
		conn := serveInMemory(t, app).dial(t)
		body := bufio.NewReader(follow(t, conn, ""))
		require.Equal(t, ":\n\n", eventOf(t, body))
		require.NoError(t, conn.Close())
		gone := time.Now()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Equal(t, 15*time.Second, time.Since(gone))
	})
}
