//go:build linux && !race

package serve_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/serve"
)

// The race detector has memory of its own for each byte, and makes pools forget.

// Bodies that are announced and do not come take no memory, or no more than the
// huge page that their first byte may be given by the kernel.
func TestAnnouncedBodiesTakeNoMemory(t *testing.T) {
	const clients, limit = 10, 16 << 20
	length := "Content-Length: " + itoa(limit) + "\r\n\r\n"
	for name, announcement := range map[string]string{
		"a length":           length,
		"a chunk":            "Transfer-Encoding: chunked\r\n\r\n1000000\r\n",
		"a form in a coding": "Content-Type: multipart/form-data; boundary=b\r\nContent-Encoding: gzip\r\n" + length,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newServer(serve.Options{BodyLimit: limit}, byPath(nil)).inMemory(t)
				before := resident(t)
				for range 3 { // the second time the collector has room that it freed
					var conns []net.Conn
					for range clients {
						conn := server.dial(t)
						write(t, conn, "POST / HTTP/1.1\r\nHost: test\r\n"+announcement+"x")
						conns = append(conns, conn)
					}
					synctest.Wait()
					grown := pagesOf(t) - before
					for _, conn := range conns {
						require.NoError(t, conn.Close())
					}
					synctest.Wait()
					assert.Less(t, grown, clients*limit/4)
					runtime.GC()
					runtime.GC() // what is in pools, too
				}
			})
		})
	}
}

// What can't come, or is read by parts, has no room, which costs the collector.
func TestRoomThatNobodyNeeds(t *testing.T) {
	const large = 1 << 30
	for name, announcement := range map[string]string{
		"more than the limit": "Content-Length: 1" + strings.Repeat("0", 18) + "\r\n\r\n",
		"a form":              "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: " + itoa(large) + "\r\n\r\n--b\r\n",
		"chunks":              "Transfer-Encoding: chunked\r\n\r\n1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := newServer(serve.Options{BodyLimit: large}, byPath(nil)).inMemory(t).dial(t)
				before := allocated()
				go func() { _, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: test\r\n"+announcement) }()
				synctest.Wait()
				assert.Less(t, allocated()-before, uint64(large/32))
			})
		})
	}
}

// resident returns how many bytes of memory the process has, in use.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	return pagesOf(t)
}

// pagesOf is resident with what is free.
func pagesOf(t *testing.T) int {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

// A small body in chunks does not cost the room of the largest, and its connection,
// for which fasthttp keeps the buffer of a body, does not hold it.
func TestRoomIsTakenBack(t *testing.T) {
	const connections = 50
	for name, body := range map[string]string{"nothing": "", "a byte": "x", "64 KiB": strings.Repeat("x", 64<<10)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newServer(serve.Options{}, byPath(nil)).inMemory(t)
				// Built once: what a test allocates brings collections, which empty the pool
				// of bodies, and each of them costs the room of one more.
				request := string(withBody("/", []byte(body), 1))
				before := allocated()
				for range connections {
					conn := server.dial(t)
					write(t, conn, request)
					response, _ := receive(t, bufio.NewReader(conn))
					require.Equal(t, 404, response.StatusCode)
				}
				assert.Less(t, allocated()-before, uint64(connections*bodyLimit/5))
			})
		})
	}
}

// allocated returns how many bytes the process has allocated so far.
func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}
