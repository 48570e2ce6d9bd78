package dashboard_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/velithontest"
)

// A page that can act loads itself anew when its forms are good no more.
func TestVersions(t *testing.T) {
	version := func(options dashboard.Options) (version string) {
		atDesk(t, options, background.RunnerOptions{}, func(d *desk) {
			version = regexp.MustCompile(`data-version="([^"]*)"`).FindStringSubmatch(d.page("/admin/"))[1]
			body := d.stream("page=overview")
			defer body.Close()
			_, data := event(t, bufio.NewReader(body))
			assert.Equal(t, version+"\n", data)
		})
		return version
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	acts := dashboard.Options{Acts: true}
	shared := dashboard.Options{Acts: true, Secret: secret}
	first, second := version(acts), version(acts)
	assert.NotEqual(t, first, second)
	first, second = version(shared), version(shared)
	assert.Equal(t, first, second)
	first, second = version(dashboard.Options{}), version(dashboard.Options{})
	assert.Equal(t, first, second)
}

// stream opens the events of a page.
func (d *desk) stream(query string) io.ReadCloser {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), http.MethodGet, "http://localhost/admin/events?"+query, http.NoBody)
	require.NoError(d, err)
	request.Header.Set("Connection", "keep-alive")
	response, err := d.kit.Client.Do(request)
	require.NoError(d, err)
	require.Equal(d, 200, response.StatusCode)
	require.Equal(d, "text/event-stream", response.Header.Get("Content-Type"))
	require.Equal(d, "no-store", response.Header.Get("Cache-Control"))
	return response.Body
}

// event reads an event, and returns its name and data.
func event(t *testing.T, lines *bufio.Reader) (name, data string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
		case "event":
			name = value
		case "data":
			data += value + "\n"
		case "":
			if name != "" {
				return name, data
			}
		}
	}
}

// A page is told what is new, once in a second at most, and not what it knows.
func TestEvents(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		held := d.held("held", background.Followed())
		body := d.stream("page=tasks&state=running")
		defer body.Close()
		lines := bufio.NewReader(body)
		name, data := event(t, lines)
		assert.Equal(t, "version", name)
		assert.Contains(t, d.page("/admin/"), `data-version="`+strings.TrimSpace(data)+`"`)
		name, data = event(t, lines)
		assert.Equal(t, "live", name)
		assert.Contains(t, data, "Nothing runs.")
		d.submit(held.Task(1).Named("first"))
		began := time.Now()
		_, data = event(t, lines)
		assert.Contains(t, data, "first")
		assert.LessOrEqual(t, time.Since(began), time.Second)
		began = time.Now()
		d.end()
		for strings.Contains(data, "first") {
			_, data = event(t, lines)
		}
		assert.LessOrEqual(t, time.Since(began), 2*time.Second)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, ":\n", line, "nothing is new, and the stream says that it is there")
		assert.LessOrEqual(t, time.Since(began), 15*time.Second)
	})
}

// The page of a task that is known no more is told so.
func TestEventsOfATaskThatIsGone(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{Keep: 10 * time.Second}, func(d *desk) {
		d.submit(d.held("held", background.Followed()).Task(1))
		body := d.stream("page=task&id=" + d.app.Runner().Handles()[0].ID())
		defer body.Close()
		lines := bufio.NewReader(body)
		d.end()
		name := ""
		for name != "gone" {
			name, _ = event(t, lines)
		}
		_, err := io.ReadAll(lines)
		require.NoError(t, err, "the stream ends")
		assert.Equal(t, 404, d.get("/admin/events?page=other").status)
	})
}

// That a page was closed is nothing to log.
func TestClosedPagesAreNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, log: &records{}, release: make(chan struct{})}
		d.app = velithon.New(velithon.Options{Logger: logTo(d.log)})
		dashboard.Mount(d.app.Group("/admin"), dashboard.Runner(d.app.Runner()), dashboard.Options{})
		d.kit = velithontest.New(t, d.app)
		require.NoError(t, d.stream("page=overview").Close())
		time.Sleep(time.Minute)
		require.NoError(t, d.app.Shutdown(t.Context()))
		assert.Empty(t, d.log.of(t, "a stream ended early"))
	})
}

// A page that was closed ends its stream at once, also while there is nothing to send.
func TestAClosedPageEndsItsStream(t *testing.T) {
	app := velithon.New(velithon.Options{})
	dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /admin/events?page=tasks HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second))) // before the second heartbeat
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err, "the stream has come to its end")
	require.NoError(t, app.Shutdown(context.Background()))
	require.NoError(t, <-served)
}

// A hundred pages cost what one does, and nothing once they are closed.
func TestManyPages(t *testing.T) {
	f := newFake("plain")
	atFake(t, f, func(d *desk) {
		const pages, seconds = 100, 30
		var all []io.ReadCloser
		for range pages {
			body := d.stream("page=overview")
			all = append(all, body)
			go func() { _, _ = io.Copy(io.Discard, body) }()
		}
		f.asked.Store(0)
		time.Sleep(seconds * time.Second)
		synctest.Wait()
		assert.LessOrEqual(t, f.asked.Load(), int64(seconds+1))
		assert.GreaterOrEqual(t, f.asked.Load(), int64(seconds/2))
		for _, body := range all {
			require.NoError(t, body.Close())
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		f.asked.Store(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, f.asked.Load(), "nobody looks")
	})
}

// What was made for others is forgotten, however many there were.
func TestViewsAreForgotten(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		most := 0
		for i := range 1000 {
			require.Equal(t, 200, d.get(fmt.Sprint("/admin/tasks?kind=", i)).status)
			most = max(most, dashboard.Views(d.app.Router))
		}
		assert.Equal(t, 256, most)
		assert.Equal(t, 256, dashboard.Views(d.app.Router), "one makes room for another")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		assert.LessOrEqual(t, dashboard.Views(d.app.Router), 1, "the numbers")
	})
}

// Open pages don't hold up a shutdown.
func TestShutdown(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		body := d.stream("page=overview")
		defer body.Close()
		began := time.Now()
		ended := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, body)
			ended <- err
		}()
		require.NoError(t, d.app.Shutdown(context.Background()))
		require.NoError(t, <-ended)
		assert.Less(t, time.Since(began), 2*time.Second)
	})
}
