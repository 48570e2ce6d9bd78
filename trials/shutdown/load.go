package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// clientLimit ends a client that the service has left hanging.
const clientLimit = 30 * time.Second

// shutdownGrace is how long a shutdown that has the time for it waits for the
// next request on a connection.
const shutdownGrace = time.Second

// outcome is what became of the requests of a client.
type outcome struct {
	started   func()   // called with the first response, so that the connection is one of the service's
	responses int      // read in full
	tasks     []string // that those carried
	behind    []string // the tasks of pipelined requests behind the last response
	cut       []string // other requests that were sent, and not answered: the error of each
	late      int      // the same, but sent so late that the service need not wait for them
	wrong     []string // answers that no request should get
}

func (o *outcome) answered(tasks ...string) {
	o.started()
	o.responses++
	o.tasks = append(o.tasks, tasks...)
}

// unanswered counts requests without an answer, which the client had sent a time
// after its connection became idle. A machine that is busy can make them late.
func (o *outcome) unanswered(n int, err error, after time.Duration) {
	if after >= shutdownGrace {
		o.late += n
		return
	}
	for range n {
		o.cut = append(o.cut, err.Error())
	}
}

// load is how a client behaves: it sends requests until the service is gone,
// and names their tasks by adding numbers to its own name.
type load func(address, name string, o *outcome)

// loads are the clients of a round.
var loads = map[string]load{
	"task":       requests("/task", nil, one, 0),
	"idle":       requests("/task", nil, one, 100*time.Millisecond),
	"retry":      requests("/retry", nil, one, 0),
	"collection": requests("/collection", chunked, several, 0),
	"upload":     requests("/upload", uploaded, one, 0),
	"stream":     requests("/stream", nil, one, 0),
	"limited":    requests("/limited", nil, one, 0),
	"later":      requests("/later", nil, one, 0),
	"cancelled":  requests("/cancelled", nil, one, 0),
	"mixed":      requests("/mixed", nil, several, 0),
	"stored":     requests("/stored", nil, one, 0),
	"pipeline":   pipeline,
}

func one(task string) []string { return []string{task} }

func several(task string) (tasks []string) {
	for i := range collection {
		tasks = append(tasks, numbered(task, i))
	}
	return tasks
}

// A content is a body and its content type.
type content func() (body io.Reader, contentType string)

// chunked has no length that the client could send.
func chunked() (body io.Reader, contentType string) {
	parts := io.MultiReader(strings.NewReader(`["a","`), strings.NewReader(strings.Repeat("b", 32<<10)), strings.NewReader(`"]`))
	return parts, "application/json"
}

func uploaded() (body io.Reader, contentType string) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, _ := w.CreateFormFile("file", "file") // writing to a buffer does not fail
	_, _ = file.Write(bytes.Repeat([]byte("x"), 64<<10))
	_ = w.Close()
	return &form, w.FormDataContentType()
}

// requests is the load of a client that sends one request after the other on a
// connection that is kept alive, with up to a pause between them. They are
// POSTs, which net/http does not send again by itself.
func requests(path string, content content, tasks func(string) []string, pause time.Duration) load {
	return func(address, name string, o *outcome) {
		client := &http.Client{Transport: &http.Transport{}, Timeout: clientLimit}
		defer client.CloseIdleConnections()
		for i, idle := 0, time.Now(); ; i, idle = i+1, time.Now() {
			if i > 0 && pause > 0 {
				time.Sleep(rand.N(pause))
			}
			task := name + "-" + strconv.Itoa(i)
			var body io.Reader
			var contentType string
			if content != nil {
				body, contentType = content()
			}
			sent := &sending{idle: idle}
			request, err := http.NewRequestWithContext(sent.trace(), http.MethodPost, "http://"+address+path+"?task="+task, body)
			if err != nil {
				o.wrong = append(o.wrong, err.Error())
				return
			}
			request.Header.Set("Content-Type", contentType)
			response, err := client.Do(request)
			if err != nil {
				if dial, ok := errors.AsType[*net.OpError](err); !ok || dial.Op != "dial" {
					o.unanswered(1, err, sent.after())
				}
				return
			}
			if !o.read(response, tasks(task), sent.after()) {
				return
			}
		}
	}
}

// A sending knows how long after its connection became idle a request was sent.
type sending struct {
	idle time.Time
	took atomic.Int64 // a time.Duration; 0 until the whole request was written
}

// trace returns a context for the request.
func (s *sending) trace() context.Context {
	return httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		WroteRequest: func(wrote httptrace.WroteRequestInfo) {
			if wrote.Err == nil {
				s.took.Store(int64(time.Since(s.idle)))
			}
		},
	})
}

// after is the time until the request was written, or until now.
func (s *sending) after() time.Duration {
	if took := s.took.Load(); took > 0 {
		return time.Duration(took)
	}
	return time.Since(s.idle)
}

// errCutShort is the 408 for a request that a shutdown did not wait for.
var errCutShort = errors.New("answered with 408")

// read reads the response to a request that was sent a time after its connection
// became idle, and reports whether it was read in full.
func (o *outcome) read(response *http.Response, tasks []string, after time.Duration) bool {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		o.unanswered(1, err, after)
		return false
	case response.StatusCode == http.StatusOK:
		o.answered(tasks...)
		return true
	case response.StatusCode == http.StatusRequestTimeout:
		o.unanswered(1, errCutShort, after)
		return false
	default:
		o.wrong = append(o.wrong, fmt.Sprintf("%s: %s", response.Status, body))
		return false
	}
}

// pipeline sends several requests at once.
func pipeline(address, name string, o *outcome) {
	const depth = 8
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(clientLimit)); err != nil {
		return
	}
	reader := bufio.NewReader(conn)
	for i, idle := 0, time.Now(); ; i, idle = i+depth, time.Now() {
		var pipelined strings.Builder
		for k := range depth {
			fmt.Fprintf(&pipelined, "POST /task?task=%s-%d HTTP/1.1\r\nHost: trial\r\nContent-Length: 0\r\n\r\n", name, i+k)
		}
		if _, err := io.WriteString(conn, pipelined.String()); err != nil {
			o.unanswered(depth, err, time.Since(idle))
			return
		}
		after := time.Since(idle)
		for k := range depth {
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				o.unanswered(depth-k, err, after)
				return
			}
			if !o.read(response, one(name+"-"+strconv.Itoa(i+k)), after) {
				return
			}
			if response.Close {
				for k++; k < depth; k++ {
					o.behind = append(o.behind, name+"-"+strconv.Itoa(i+k))
				}
				return
			}
		}
	}
}
