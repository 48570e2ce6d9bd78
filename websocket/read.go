package websocket

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	wire "github.com/fasthttp/websocket"
)

// keptBuffer is the largest buffer that is used for more than one message.
const keptBuffer = 16 << 10

// read hands over messages until the client or the network has ended the connection, or we
// have and the time for the client to do so is over.
func (l *link) read() {
	// A message is decoded while the next one is read. Nobody takes that before, and where
	// nobody does, at the end, the one after it is read into its place.
	var buffers [2][]byte
	for n := 0; ; {
		kind, reader, err := l.wire.NextReader()
		if err == nil {
			buffers[n], err = l.readAll(reader, buffers[n][:0])
		}
		if err != nil {
			l.readFailed(err)
			return
		}
		taken := l.hand(received{buffers[n], kind == wire.BinaryMessage})
		if cap(buffers[n]) > keptBuffer {
			buffers[n] = nil
		}
		if taken {
			n = 1 - n
		}
	}
}

// readAll is [io.ReadAll] into a buffer. Each part that arrives is something that was heard.
func (l *link) readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, max(512, len(b)))
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		l.heard.Store(true)
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// hand waits until the message is received, or the end has begun, and reports whether it was
// received.
func (l *link) hand(m received) (taken bool) {
	if !m.binary && !utf8.Valid(m.data) {
		l.close(&CloseError{InvalidData, "a text message is not UTF-8"})
	}
	if l.isClosing() {
		return false
	}
	l.handing.Store(true)
	select {
	case l.incoming <- m:
		taken = true
	case <-l.closing:
	}
	l.heard.Store(true)
	l.handing.Store(false)
	return taken
}

// readFailed ends the connection after an error of the wire's, which is final.
func (l *link) readFailed(err error) {
	if closed, ok := errors.AsType[*wire.CloseError](err); ok {
		// Codes that end a connection without a frame are the wire's own.
		l.close(&CloseError{closed.Code, closed.Text})
		return
	}
	switch {
	case errors.Is(err, wire.ErrReadLimit):
		l.close(&CloseError{TooBig, "a message is too large"})
	case isProtocol(err):
		l.close(&CloseError{ProtocolError, strings.TrimPrefix(err.Error(), wirePrefix)})
	default:
		l.close(&CloseError{Abnormal, err.Error()})
		return
	}
	l.linger()
}

// wirePrefix is what errors of the wire's begin with.
const wirePrefix = "websocket: "

// isProtocol reports whether an error is that of a frame, and not of the network.
func isProtocol(err error) bool {
	_, isNetwork := errors.AsType[net.Error](err)
	return !isNetwork && strings.HasPrefix(err.Error(), wirePrefix)
}

// lingerBytes is how much is read after a frame that can't be taken.
const lingerBytes = 64 << 20

// linger reads what a client sends that can't be understood any more, until it closes or the
// time is over: a connection that is closed with bytes unread is reset, and the frame that
// says why is lost.
func (l *link) linger() {
	_ = l.conn.SetReadDeadline(time.Now().Add(l.options.CloseTimeout))
	_, _ = io.CopyN(io.Discard, l.conn, lingerBytes)
}
