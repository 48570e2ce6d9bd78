package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// patience is how long anything may take before the trial fails for it.
const patience = time.Minute

// A client is one connection to the service.
type client struct {
	*net.TCPConn
	reader *bufio.Reader
	ended  bool // the service has said that it closes the connection
}

// dial connects. A client that is closed resets its connection, so that no
// ports are used up.
func dial(address string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	c := &client{TCPConn: conn.(*net.TCPConn), reader: bufio.NewReaderSize(conn, 1<<10)}
	_ = c.SetLinger(0)
	_ = c.SetDeadline(time.Now().Add(patience))
	return c, nil
}

// do sends a request and returns the status and the body of its answer.
func (c *client) do(request []byte) (status int, body []byte, err error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	return c.answer()
}

// answer reads one answer.
func (c *client) answer() (status int, body []byte, err error) {
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	c.ended = response.Close
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// want sends a request whose answer must have a status.
func (c *client) want(status int, request []byte) error {
	got, body, err := c.do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", firstLine(request), err)
	}
	if got != status {
		return fmt.Errorf("%s: got status %d, want %d: %s", firstLine(request), got, status, body)
	}
	return nil
}

func firstLine(request []byte) string {
	line, _, _ := strings.Cut(string(request[:min(len(request), 60)]), "\r\n")
	return line
}

// get returns a request without a body.
func get(target string) []byte { return []byte(head("GET", target)) }

// post returns a request with a body of a length.
func post(target, contentType, body string, fields ...string) []byte {
	fields = append(fields, "Content-Type: "+contentType, "Content-Length: "+strconv.Itoa(len(body)))
	return []byte(head("POST", target, fields...) + body)
}

// chunked returns a request whose body is sent in chunks.
func chunked(target, contentType, body string, fields ...string) []byte {
	const chunk = 64 << 10
	var b strings.Builder
	b.WriteString(head("POST", target, append(fields, "Content-Type: "+contentType, "Transfer-Encoding: chunked")...))
	for len(body) > 0 {
		n := min(len(body), chunk)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n\r\n")
	return []byte(b.String())
}

func head(method, target string, fields ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: shop\r\n" + lines(fields) + "\r\n"
}

func lines(fields []string) string {
	var b strings.Builder
	for _, field := range fields {
		b.WriteString(field + "\r\n")
	}
	return b.String()
}
