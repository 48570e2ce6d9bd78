package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// clientLimit ends a client that the service has left hanging.
const clientLimit = 30 * time.Second

// outcome is what became of the requests of a client.
type outcome struct {
	responses int      // read in full
	tasks     []string // that those carried
	behind    []string // the tasks of pipelined requests behind the last response
	cut       int      // other requests that were sent, or begun, and not answered
	wrong     []string // answers that no request should get
}

func (o *outcome) answered(tasks ...string) {
	o.responses++
	o.tasks = append(o.tasks, tasks...)
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
		for i := 0; ; i++ {
			task := name + "-" + strconv.Itoa(i)
			var body io.Reader
			var contentType string
			if content != nil {
				body, contentType = content()
			}
			response, err := client.Post("http://"+address+path+"?task="+task, contentType, body)
			if err != nil {
				if dial, ok := errors.AsType[*net.OpError](err); !ok || dial.Op != "dial" {
					o.cut++
				}
				return
			}
			if !o.read(response, tasks(task)) {
				return
			}
			if pause > 0 {
				time.Sleep(rand.N(pause))
			}
		}
	}
}

// read reads a response and reports whether it was read in full.
func (o *outcome) read(response *http.Response, tasks []string) bool {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		o.cut++
		return false
	case response.StatusCode == http.StatusOK:
		o.answered(tasks...)
		return true
	case response.StatusCode == http.StatusRequestTimeout: // it was cut short by the shutdown
		o.cut++
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
	for i := 0; ; i += depth {
		var pipelined strings.Builder
		for k := range depth {
			fmt.Fprintf(&pipelined, "POST /task?task=%s-%d HTTP/1.1\r\nHost: trial\r\nContent-Length: 0\r\n\r\n", name, i+k)
		}
		if _, err := io.WriteString(conn, pipelined.String()); err != nil {
			o.cut += depth
			return
		}
		for k := range depth {
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				o.cut += depth - k
				return
			}
			if !o.read(response, one(name+"-"+strconv.Itoa(i+k))) {
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
