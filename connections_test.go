package velithon_test

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// inTime runs f with a connection in memory to an app with the default limits,
// on the clock of a bubble: once with the watches, and once as it is when a route
// has a time limit of its own, with fasthttp's deadlines.
func inTime(t *testing.T, f func(t *testing.T, conn net.Conn)) {
	for name, options := range map[string][]routing.Option{"watched": nil, "by fasthttp": {routing.ReadTimeout(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Workers: 1, Queue: 1}})
				app.Post("/work", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
					return responses.JSON("", background.Func("work", func(context.Context) error {
						time.Sleep(10 * time.Minute)
						return nil
					})), nil
				})
				app.Post("/upload", func(context.Context, struct{}) (string, error) { return "", nil }, options...)
				app.Post("/echo", func(_ context.Context, in []string) (string, error) { return in[0], nil })
				app.Get("/slow", func(context.Context, struct{}) (string, error) {
					time.Sleep(10 * time.Minute)
					return "slow", nil
				})
				app.Get("/large", func(context.Context, struct{}) (responses.BytesResponse, error) {
					return responses.Bytes("text/plain", make([]byte, 1<<20)), nil
				})
				app.Get("/stream", func(context.Context, struct{}) (*responses.StreamResponse, error) {
					return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
						for range 10 {
							time.Sleep(20 * time.Second)
							if _, err := w.WriteString("0123456789"); err != nil {
								return err
							}
							if err := w.Flush(); err != nil {
								return err
							}
						}
						return nil
					}), nil
				})
				app.Get("/parts", func(context.Context, struct{}) (*responses.StreamResponse, error) {
					return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
						for range 5 {
							if _, err := w.WriteString("0123456789"); err != nil {
								return err
							}
							if err := w.Flush(); err != nil {
								return err
							}
						}
						return nil
					}), nil
				})
				app.Get("/reader", func(ctx context.Context, _ struct{}) (struct{}, error) {
					raw, err := routing.RequestCtx(ctx)
					if err == nil {
						raw.SetUserValue("reader", true)
					}
					return struct{}{}, err
				})
				app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
					return func(raw *fasthttp.RequestCtx) {
						next(raw)
						if raw.UserValue("reader") != nil { // a stream that sets no deadlines
							raw.SetBodyStream(strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20)
						}
					}
				})
				conn, accepted := net.Pipe()
				listener := &memoryListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
				listener.conns <- accepted
				served := make(chan error, 1)
				go func() { served <- app.Serve(listener) }()
				defer func() {
					require.NoError(t, conn.Close())
					require.NoError(t, app.Shutdown(context.Background()))
					require.NoError(t, <-served)
					time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
				}()
				f(t, conn)
			})
		})
	}
}

// requireClosed requires that the server closes a connection after a time, and
// returns what it sent before.
func requireClosed(t *testing.T, conn net.Conn, after time.Duration) string {
	t.Helper()
	begin := time.Now()
	sent, err := io.ReadAll(conn)
	require.NoError(t, err)
	took := time.Since(begin)
	assert.GreaterOrEqual(t, took, after)
	assert.LessOrEqual(t, took, after+2*time.Second)
	return string(sent)
}

func TestTimeForTheFirstByte(t *testing.T) {
	inTime(t, func(t *testing.T, conn net.Conn) {
		requireClosed(t, conn, velithon.DefaultReadTimeout)
	})
}

func TestTimeForARequest(t *testing.T) {
	whole := request("POST", "/echo", `["text"]`, "Content-Type: application/json")
	for name, part := range map[string]string{"header": whole[:20], "body": whole[:len(whole)-1]} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, conn net.Conn) {
				reader := bufio.NewReader(conn)
				for range 3 { // also where the last one took long
					write(t, conn, whole)
					response, _ := receive(t, reader)
					require.Equal(t, 200, response.StatusCode)
					time.Sleep(velithon.DefaultIdleTimeout - time.Second)
				}
				write(t, conn, part)
				begin := time.Now()
				response, _ := receive(t, reader)
				took := time.Since(begin)
				assert.Equal(t, 408, response.StatusCode)
				assert.True(t, response.Close)
				assert.GreaterOrEqual(t, took, velithon.DefaultReadTimeout)
				assert.LessOrEqual(t, took, velithon.DefaultReadTimeout+2*time.Second)
			})
		})
	}
}

func TestTimeBetweenRequests(t *testing.T) {
	inTime(t, func(t *testing.T, conn net.Conn) {
		write(t, conn, request("GET", "/nowhere", ""))
		response, _ := receive(t, bufio.NewReader(conn))
		require.Equal(t, 404, response.StatusCode)
		assert.Empty(t, requireClosed(t, conn, velithon.DefaultIdleTimeout))
	})
}

// A handler has no limit but its route's, and what it took is not counted
// against anything that follows.
func TestNoTimeLimitForAHandler(t *testing.T) {
	inTime(t, func(t *testing.T, conn net.Conn) {
		reader := bufio.NewReader(conn)
		for range 2 {
			write(t, conn, request("GET", "/slow", ""))
			response, body := receive(t, reader)
			assert.Equal(t, 200, response.StatusCode)
			assert.Equal(t, `"slow"`, body)
		}
	})
}

// A connection whose work waits for room is not idle.
func TestNoTimeLimitForAHandOver(t *testing.T) {
	inTime(t, func(t *testing.T, conn net.Conn) {
		reader := bufio.NewReader(conn)
		for range 4 { // one runs, one waits, and the others hold the connection up
			write(t, conn, request("POST", "/work", ""))
			response, _ := receive(t, reader)
			assert.Equal(t, 200, response.StatusCode)
		}
		time.Sleep(velithon.DefaultIdleTimeout / 2)
		write(t, conn, request("GET", "/nowhere", ""))
		response, _ := receive(t, reader)
		assert.Equal(t, 404, response.StatusCode)
	})
}

func TestTimeForAResponse(t *testing.T) {
	for _, path := range []string{"/large", "/reader"} {
		t.Run(path, func(t *testing.T) {
			inTime(t, func(t *testing.T, conn net.Conn) {
				write(t, conn, request("GET", path, ""))
				time.Sleep(velithon.DefaultWriteTimeout - time.Second)
				synctest.Wait()
				reader := bufio.NewReader(conn)
				response, err := http.ReadResponse(reader, nil) // makes room for a part
				require.NoError(t, err)
				time.Sleep(3 * time.Second)
				synctest.Wait()
				n, err := io.Copy(io.Discard, response.Body)
				require.NoError(t, response.Body.Close())
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				assert.Less(t, n, int64(1<<20))
			})
		})
	}
}

// A response that is taken in time leaves nothing behind for the next one, also
// a stream, which may take longer than the limit.
func TestTimeForAStream(t *testing.T) {
	inTime(t, func(t *testing.T, conn net.Conn) {
		reader := bufio.NewReader(conn)
		for _, path := range []string{"/stream", "/large", "/reader", "/slow", "/stream", "/slow"} {
			write(t, conn, request("GET", path, ""))
			response, _ := receive(t, reader)
			require.Equal(t, 200, response.StatusCode, path)
			time.Sleep(velithon.DefaultIdleTimeout - time.Second)
		}
	})
}

// A client may take nearly the whole limit for each part.
func TestTimeForThePartsOfAStream(t *testing.T) {
	inTime(t, func(t *testing.T, conn net.Conn) {
		write(t, conn, request("GET", "/parts", ""))
		var sent strings.Builder
		for part := make([]byte, 4096); !strings.HasSuffix(sent.String(), "\r\n0\r\n\r\n"); {
			if strings.Count(sent.String(), "0123456789") < 5 { // or else only the end is to come
				time.Sleep(velithon.DefaultWriteTimeout - 5*time.Second)
			}
			n, err := conn.Read(part)
			require.NoError(t, err, sent.String())
			sent.Write(part[:n])
		}
	})
}

// A limit is exceeded by an eighth of the shortest one at most, however short.
func TestShortTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 80 * time.Millisecond
		app := velithon.New(velithon.Options{Logger: quiet, ReadTimeout: limit, WriteTimeout: time.Minute, IdleTimeout: time.Minute})
		conn, accepted := net.Pipe()
		served := serveInMemory(app, accepted)
		begin := time.Now()
		write(t, conn, "GET /half")
		response, _ := receive(t, bufio.NewReader(conn))
		assert.Equal(t, 408, response.StatusCode)
		assert.GreaterOrEqual(t, time.Since(begin), limit)
		assert.LessOrEqual(t, time.Since(begin), limit+limit/8)
		require.NoError(t, conn.Close())
		require.NoError(t, app.Shutdown(t.Context()))
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}

// An app's handler may be on a server of the user's own as well, where nobody
// else has set a limit for a response with work.
func TestTimeForAResponseOnAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/work", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
			return responses.JSON(strings.Repeat("x", 1<<20), background.Func("work", func(context.Context) error { return nil })), nil
		})
		server := &fasthttp.Server{Handler: app.Handler(), Logger: log.New(io.Discard, "", 0)}
		listener := &memoryListener{closed: make(chan struct{})}
		served, ended := make(chan error, 1), make(chan error, 1)
		go func() { served <- app.Serve(listener) }()
		synctest.Wait() // it keeps the time of its own connections from now on

		conn, accepted := net.Pipe()
		go func() { ended <- server.ServeConn(accepted) }()
		write(t, conn, request("GET", "/work", ""))
		time.Sleep(velithon.DefaultWriteTimeout + time.Second)
		synctest.Wait()
		select {
		case err := <-ended:
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		default:
			assert.Fail(t, "the response is still being written")
		}
		require.NoError(t, conn.Close())
		require.NoError(t, app.Shutdown(t.Context()))
		require.NoError(t, <-served)
		time.Sleep(time.Minute) // until a goroutine of fasthttp's has noticed the end
	})
}
