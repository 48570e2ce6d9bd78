package serve_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/serve"
)

// The kernel takes 256 KiB of a response that nobody reads, and what the client has
// room for, which is less than 1 MiB together; without a limit it takes 4 MiB.
func TestAResponseThatIsNotReadTakesLittle(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	certificates.Close()
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"TCP": func(l net.Listener) net.Listener { return l },
		"TLS": func(l net.Listener) net.Listener { return tls.NewListener(l, certificates.TLS) },
	} {
		t.Run(name, func(t *testing.T) {
			taken, ended := 0, make(chan error, 1)
			server := newServer(serve.Options{}, &handler{answer: func(raw *fasthttp.RequestCtx) {
				_ = raw.Conn().SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
				for piece := make([]byte, 16<<10); ; {
					n, err := raw.Conn().Write(piece)
					taken += n
					if err != nil {
						ended <- err
						return
					}
				}
			}})
			listener := listen(t)
			server.start(t, wrap(listener))
			var conn io.Writer = dial(t, listener.Addr().String())
			if name == "TLS" {
				conn = tls.Client(conn.(net.Conn), &tls.Config{InsecureSkipVerify: true})
			}
			write(t, conn, request("GET", "/", ""))
			require.ErrorIs(t, await(t, ended, "the end of the response"), os.ErrDeadlineExceeded)
			assert.Less(t, taken, 1<<20)
		})
	}
}

// BenchmarkLongResponse reads 16 MiB from the server, and from fasthttp's as it is.
func BenchmarkLongResponse(b *testing.B) {
	body := make([]byte, 16<<20)
	answer := func(raw *fasthttp.RequestCtx) { raw.Response.SetBodyRaw(body) }
	b.Run("fasthttp", func(b *testing.B) {
		listener := listen(b)
		server := fasthttp.Server{Handler: answer}
		go func() { _ = server.Serve(listener) }()
		defer func() { _ = server.Shutdown() }()
		download(b, listener.Addr().String(), len(body))
	})
	b.Run("serve", func(b *testing.B) {
		download(b, newServer(serve.Options{}, &handler{answer: answer}).onSocket(b), len(body))
	})
}

func download(b *testing.B, address string, size int) {
	conn := dial(b, address)
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 64<<10)
	b.SetBytes(int64(size))
	for b.Loop() {
		write(b, conn, request("GET", "/", ""))
		var response fasthttp.ResponseHeader
		require.NoError(b, response.Read(reader))
		require.Equal(b, size, response.ContentLength())
		_, err := io.CopyN(io.Discard, reader, int64(size))
		require.NoError(b, err)
	}
}
