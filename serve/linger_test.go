package serve_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/serve"
)

// Reading on after a refusal ends, whatever the client does.
func TestLingeringEnds(t *testing.T) {
	for name, test := range map[string]struct {
		pause time.Duration // between the bytes that the client goes on sending
		took  time.Duration
	}{
		"a silent client":              {time.Hour, time.Second},
		"a client that drips":          {900 * time.Millisecond, 5 * time.Second},
		"a client that drips too late": {1100 * time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, conn net.Conn) {
				reader := bufio.NewReader(conn)
				write(t, conn, "nonsense\r\n\r\n")
				response, _ := receive(t, reader)
				require.Equal(t, 400, response.StatusCode)
				begin := time.Now()
				ended := make(chan time.Duration)
				go func() {
					_, _ = reader.ReadByte() // returns when the server has closed
					ended <- time.Since(begin)
				}()
				go func() {
					for {
						time.Sleep(test.pause)
						if _, err := conn.Write([]byte("x")); err != nil {
							return
						}
					}
				}()
				assert.Equal(t, test.took, <-ended)
				time.Sleep(2 * time.Hour) // until the client has noticed
			})
		})
	}
	t.Run("a client that floods", func(t *testing.T) {
		inTime(t, func(t *testing.T, conn net.Conn) {
			reader := bufio.NewReader(conn)
			write(t, conn, "nonsense\r\n\r\n")
			receive(t, reader)
			n, err := io.Copy(conn, zeros{})
			require.Error(t, err)
			assert.InDelta(t, 64<<20, n, 1<<20)
		})
	})
}

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A shutdown does not wait for clients that go on sending what is not read any
// more, nor does it say that their requests were cut off.
func TestLingeringDoesNotHoldAShutdownUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newRefusingServer(serve.Options{})
		conn := server.inMemory(t).dial(t)
		write(t, conn, "nonsense\r\n\r\n")
		receive(t, bufio.NewReader(conn))
		go func() {
			for {
				time.Sleep(10 * time.Millisecond)
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		require.NoError(t, server.Shutdown(ctx))
		assert.Less(t, time.Since(begin), time.Second)
	})
}
