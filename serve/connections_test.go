package serve_test

import (
	"bufio"
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

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/serve"
)

// A closer is a user value. fasthttp closes it with the request, as work that is
// handed over then is.
type closer func()

func (c closer) Close() error {
	c()
	return nil
}

// stream answers with parts that come each after a pause.
func stream(parts int, pause time.Duration) func(raw *fasthttp.RequestCtx) {
	return func(raw *fasthttp.RequestCtx) {
		_ = responses.Stream("text/plain", func(w *responses.StreamWriter) error {
			for range parts {
				time.Sleep(pause)
				if _, err := w.WriteString("0123456789"); err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		}).Write(raw)
	}
}

// timed are answers that take their time, by path.
var timed = map[string]func(raw *fasthttp.RequestCtx){
	"/echo": func(raw *fasthttp.RequestCtx) { raw.SetBody(raw.PostBody()) },
	"/slow": func(raw *fasthttp.RequestCtx) {
		time.Sleep(10 * time.Minute)
		raw.SetBodyString("slow")
	},
	"/large":  func(raw *fasthttp.RequestCtx) { raw.SetBody(make([]byte, 1<<20)) },
	"/stream": stream(10, 20*time.Second),
	"/parts":  stream(5, 0),
	"/reader": func(raw *fasthttp.RequestCtx) { // a stream that sets no deadlines
		raw.SetBodyStream(strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20)
	},
}

// inTime runs f with a connection in memory to a server, on the clock of a bubble:
// once where it keeps the time limits, and once as it is when a route has one of its
// own, with fasthttp's deadlines.
func inTime(t *testing.T, f func(t *testing.T, conn net.Conn)) {
	for name, isByFasthttp := range map[string]bool{"by the server": false, "by fasthttp": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := byPath(timed)
				if isByFasthttp {
					h.hasReadTimeout = true
					h.config = func(header *fasthttp.RequestHeader) (config fasthttp.RequestConfig) {
						if string(header.RequestURI()) == "/upload" {
							config.ReadTimeout = time.Hour
						}
						return config
					}
				}
				f(t, newServer(serve.Options{}, h).inMemory(t).dial(t))
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
		requireClosed(t, conn, readTimeout)
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
					time.Sleep(idleTimeout - time.Second)
				}
				write(t, conn, part)
				begin := time.Now()
				response, _ := receive(t, reader)
				took := time.Since(begin)
				assert.Equal(t, 408, response.StatusCode)
				assert.True(t, response.Close)
				assert.GreaterOrEqual(t, took, readTimeout)
				assert.LessOrEqual(t, took, readTimeout+2*time.Second)
			})
		})
	}
}

func TestTimeBetweenRequests(t *testing.T) {
	inTime(t, func(t *testing.T, conn net.Conn) {
		write(t, conn, request("GET", "/nowhere", ""))
		response, _ := receive(t, bufio.NewReader(conn))
		require.Equal(t, 404, response.StatusCode)
		assert.Empty(t, requireClosed(t, conn, idleTimeout))
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
			assert.Equal(t, "slow", body)
		}
	})
}

func TestTimeForAResponse(t *testing.T) {
	for _, path := range []string{"/large", "/reader"} {
		t.Run(path, func(t *testing.T) {
			inTime(t, func(t *testing.T, conn net.Conn) {
				write(t, conn, request("GET", path, ""))
				time.Sleep(writeTimeout - time.Second)
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
			time.Sleep(idleTimeout - time.Second)
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
				time.Sleep(writeTimeout - 5*time.Second)
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
		o := serve.Options{ReadTimeout: limit, WriteTimeout: time.Minute, IdleTimeout: time.Minute}
		conn := newServer(o, byPath(timed)).inMemory(t).dial(t)
		begin := time.Now()
		write(t, conn, "GET /half")
		response, _ := receive(t, bufio.NewReader(conn))
		assert.Equal(t, 408, response.StatusCode)
		assert.GreaterOrEqual(t, time.Since(begin), limit)
		assert.LessOrEqual(t, time.Since(begin), limit+limit/8)
	})
}

// The handler of a server may be on another one as well, where nobody else has set
// a limit for a response with work.
func TestTimeForAResponseOnAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue("work", closer(func() {}))
			raw.SetBody(make([]byte, 1<<20))
		}})
		other := &fasthttp.Server{Handler: server.Handler(server.handler), Logger: log.New(io.Discard, "", 0)}
		server.inMemory(t)
		synctest.Wait() // it keeps the time of its own connections from now on

		conn, accepted := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- other.ServeConn(accepted) }()
		write(t, conn, request("GET", "/", ""))
		time.Sleep(writeTimeout + time.Second)
		synctest.Wait()
		select {
		case err := <-ended:
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		default:
			assert.Fail(t, "the response is still being written")
		}
		require.NoError(t, conn.Close())
	})
}
