// Package wire is the client of the benchmarks: it sends ready-made bytes over a
// connection and reads just enough of the answer to know its status and where
// it ends. It allocates nothing per request, so that what is measured is the
// server.
package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// Request returns the bytes of an HTTP/1.1 request that keeps its connection.
// contentType is left out when body is empty.
func Request(method, target, contentType, body string) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\nAccept: */*\r\n", method, target)
	if body != "" {
		b = fmt.Appendf(b, "Content-Type: %s\r\nContent-Length: %d\r\n", contentType, len(body))
	}
	b = append(b, "\r\n"...)
	return append(b, body...)
}

// A Response is an answer. Body is valid until the next call of [Client.Do].
type Response struct {
	Status int
	Body   []byte
}

// A Client speaks HTTP/1.1 on one connection, for one goroutine.
type Client struct {
	conn   net.Conn
	reader *bufio.Reader
	body   []byte
}

// NewClient returns a client on conn, which it does not close.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, reader: bufio.NewReader(conn)}
}

// Do sends request, which [Request] made, and reads its answer.
func (c *Client) Do(request []byte) (Response, error) {
	if _, err := c.conn.Write(request); err != nil {
		return Response{}, err
	}
	h, err := c.readHead()
	if err != nil {
		return Response{}, fmt.Errorf("wire: read the head of a response: %w", err)
	}
	c.body = c.body[:0]
	if h.chunked {
		err = c.readChunks()
	} else {
		err = c.readBody(h.length)
	}
	if err != nil {
		return Response{}, fmt.Errorf("wire: read the body of a response: %w", err)
	}
	return Response{Status: h.status, Body: c.body}, nil
}

type head struct {
	status  int
	length  int
	chunked bool
}

var (
	contentLength    = []byte("content-length:")
	transferEncoding = []byte("transfer-encoding:")
	errMalformed     = errors.New("malformed")
)

func (c *Client) readHead() (h head, err error) {
	line, err := c.readLine()
	if err != nil {
		return h, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return h, errMalformed
	}
	if h.status, err = parseUint(line[9:12], 10); err != nil {
		return h, err
	}
	for {
		line, err := c.readLine()
		if err != nil || len(line) == 0 {
			return h, err
		}
		if hasPrefixFold(line, contentLength) {
			if h.length, err = parseUint(bytes.TrimSpace(line[len(contentLength):]), 10); err != nil {
				return h, err
			}
		} else if hasPrefixFold(line, transferEncoding) {
			h.chunked = true
		}
	}
}

// readLine returns a line without its end. It is valid until the next read.
func (c *Client) readLine() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

func (c *Client) readBody(length int) error {
	start := len(c.body)
	if cap(c.body) < start+length {
		c.body = append(make([]byte, 0, 2*(start+length)), c.body...)
	}
	c.body = c.body[:start+length]
	_, err := io.ReadFull(c.reader, c.body[start:])
	return err
}

func (c *Client) readChunks() error {
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		size, err := parseUint(line, 16)
		if err != nil {
			return err
		}
		if size == 0 {
			return c.skipTrailer()
		}
		if err := c.readBody(size); err != nil {
			return err
		}
		if _, err := c.readLine(); err != nil {
			return err
		}
	}
}

func (c *Client) skipTrailer() error {
	for {
		line, err := c.readLine()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

// hasPrefixFold is bytes.HasPrefix for a lower-case prefix, without regard to
// the case of line.
func hasPrefixFold(line, prefix []byte) bool {
	return len(line) >= len(prefix) && line[0]|0x20 == prefix[0] && bytes.EqualFold(line[:len(prefix)], prefix)
}

func parseUint(digits []byte, base int) (int, error) {
	n, err := strconv.ParseUint(string(digits), base, 31)
	return int(n), err
}
