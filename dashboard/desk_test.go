package dashboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/velithontest"
)

// desk is an app with a page, and who looks at it.
type desk struct {
	*testing.T
	app     *velithon.App
	kit     *velithontest.Kit
	log     *records
	release chan struct{} // lets the tasks of held end
}

// atDesk calls f in a bubble with a page of the app's runner at /admin.
func atDesk(t *testing.T, options dashboard.Options, runner background.RunnerOptions, f func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newDesk(t, options, runner)) })
}

func newDesk(t *testing.T, options dashboard.Options, runner background.RunnerOptions) *desk {
	t.Helper()
	d := &desk{T: t, log: &records{}, release: make(chan struct{})}
	d.app = velithon.New(velithon.Options{Runner: runner, Logger: slog.New(slog.DiscardHandler)})
	options.Logger = logTo(d.log)
	dashboard.Mount(d.app.Group("/admin"), dashboard.Runner(d.app.Runner()), options)
	d.kit = velithontest.New(t, d.app)
	t.Cleanup(d.end)
	return d
}

// end lets all tasks end.
func (d *desk) end() {
	select {
	case <-d.release:
	default:
		close(d.release)
	}
	synctest.Wait()
	for _, h := range d.app.Runner().Handles() {
		h.Cancel(nil)
	}
	synctest.Wait()
}

// answer is what was answered to a browser on this machine.
type answer struct {
	status int
	text   string
	header http.Header
}

func (d *desk) get(path string, fields ...string) answer { return d.send("GET", path, nil, fields...) }

// post sends a form.
func (d *desk) post(values url.Values, fields ...string) answer {
	return d.send("POST", "/admin/act", strings.NewReader(values.Encode()),
		append([]string{"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin"}, fields...)...)
}

func (d *desk) send(method, path string, body io.Reader, fields ...string) answer {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), method, "http://localhost"+path, body)
	require.NoError(d, err)
	request.Header.Set("Connection", "keep-alive")
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	response, err := d.kit.Client.Do(request)
	require.NoError(d, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(d, err)
	return answer{response.StatusCode, string(text), response.Header}
}

// page returns the text of a page, when what was made for others is too old.
func (d *desk) page(path string) string {
	d.Helper()
	time.Sleep(time.Second)
	a := d.get(path)
	require.Equal(d, 200, a.status, "%s: %s", path, a.text)
	return a.text
}

// submit submits work, and waits until what can begin has begun.
func (d *desk) submit(work ...background.Work) {
	d.Helper()
	for _, w := range work {
		require.NoError(d, d.app.Runner().Submit(d.Context(), w))
	}
	synctest.Wait()
}

var formPattern = regexp.MustCompile(`(?s)<form method="post" action="act">.*?</form>`)

// forms returns the forms of a page by their verbs.
func forms(page string) map[string]url.Values {
	all := make(map[string]url.Values)
	field := regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)
	for _, form := range formPattern.FindAllString(page, -1) {
		values := url.Values{}
		for _, f := range field.FindAllStringSubmatch(form, -1) {
			values.Set(f[1], f[2])
		}
		all[values.Get("verb")] = values
	}
	return all
}

var tag = regexp.MustCompile(`<[^>]*>`)

// words returns what a page says, without its tags.
func words(page string) string {
	return strings.Join(strings.Fields(tag.ReplaceAllString(page, " ")), " ")
}

// held is a kind whose tasks run until the desk ends.
func (d *desk) held(name string, options ...background.KindOption) background.Kind[int] {
	return background.Define(name, func(ctx context.Context, _ int) error {
		select {
		case <-d.release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, options...)
}

// records are those of a log.
type records struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func logTo(r *records) *slog.Logger { return slog.New(slog.NewJSONHandler(r, nil)) }

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// of returns the records of a message.
func (r *records) of(t *testing.T, message string) (all []map[string]any) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(r.text.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		if record["msg"] == message {
			delete(record, "time")
			delete(record, "msg")
			all = append(all, record)
		}
	}
	return all
}
