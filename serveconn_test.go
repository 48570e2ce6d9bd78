package velithon_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// A connection that no listener has accepted is served with its background work, and
// nothing is left of the app in the bubble after its shutdown.
func TestServeConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		worked := false
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
			return responses.JSON("hello", background.Func("work", func(context.Context) error {
				worked = true
				return nil
			})), nil
		})
		conn, served := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- app.ServeConn(served) }()
		write(t, conn, request("GET", "/", ""))
		_, body := receive(t, bufio.NewReader(conn))
		require.Equal(t, `"hello"`, body)
		require.NoError(t, conn.Close())
		require.NoError(t, <-ended)
		shutdown(t, app)
		assert.True(t, worked)
		assert.Zero(t, time.Since(begin))

		conn, served = net.Pipe()
		require.ErrorIs(t, app.ServeConn(served), velithon.ErrClosed)
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestServeConnWithAQueueThatDoesNotStart(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet, Queue: &drawer{startup: errors.New("no database")}})
	conn, served := net.Pipe()
	require.EqualError(t, app.ServeConn(served), "velithon: start the queue: no database")
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	shutdown(t, app)
}
