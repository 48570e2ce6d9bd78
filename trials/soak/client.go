package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// patience is how long a client waits. A request that takes longer is lost.
const patience = 20 * time.Second

// A request is a message, and what its answer has to be.
type request struct {
	head  string
	body  []byte
	check func(answer) error
	logs  []string // what it leaves in the service's log
	may   []string // what it may leave there
}

// head writes the header of a request.
func head(method, target string, body []byte, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: test\r\n", method, target)
	for _, field := range fields {
		b.WriteString(field + "\r\n")
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	return b.String()
}

// An answer is a response, read in full.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// status checks that an answer has a status.
func status(want int) func(answer) error {
	return func(a answer) error {
		if a.status != want {
			return fmt.Errorf("is answered %d and not %d: %.200q", a.status, want, a.body)
		}
		return nil
	}
}

// A conn is a connection of a client.
type conn struct {
	net.Conn
	answers *bufio.Reader
}

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReader(c)}, nil
}

// send writes requests at once.
func (c *conn) send(requests ...request) error {
	var all net.Buffers
	for _, r := range requests {
		all = append(all, []byte(r.head), r.body)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := all.WriteTo(c.Conn)
	return err
}

// begin reads the header of the answer to a request.
func (c *conn) begin(r request) (*http.Response, error) {
	method, _, _ := strings.Cut(r.head, " ")
	return http.ReadResponse(c.answers, &http.Request{Method: method})
}

// receive reads the answer to a request.
func (c *conn) receive(r request) (answer, error) {
	response, err := c.begin(r)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body}, errors.Join(err, response.Body.Close())
}

func (c *conn) ask(r request) (answer, error) {
	if err := c.send(r); err != nil {
		return answer{}, err
	}
	return c.receive(r)
}

// ended checks that the server has closed the connection.
func (c *conn) ended() error {
	if _, err := c.answers.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the connection was left open, or not closed in order: %w", err)
	}
	return nil
}

// reset closes the connection without waiting for what is still on its way.
func (c *conn) reset() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		if err := tcp.SetLinger(0); err != nil {
			return err
		}
	}
	return c.Close()
}
