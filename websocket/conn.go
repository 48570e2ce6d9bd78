package websocket

import (
	"context"
	"errors"
	"reflect"
	"unicode/utf8"

	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// ErrFull is returned by [Conn.TrySend] when the client is too slow: as many messages wait as
// there may.
var ErrFull = errors.New("websocket: the client takes its messages too slowly")

// A Message is one that is no JSON: a text, or bytes. Its Data may be kept.
type Message struct {
	Data   []byte
	Binary bool // or else a text, which is UTF-8
}

var messageType = reflect.TypeFor[Message]()

// A Conn is a WebSocket. All methods may be called by any number of goroutines, and also once
// the connection has ended.
type Conn[In, Out any] struct {
	socket *Socket[In, Out]
	link   *link
}

// Receive returns the next message. It waits for one until ctx is done, and returns what ctx
// says then; the connection goes on. Once the connection has ended it returns a
// [*CloseError].
//
// A message that can't be decoded or breaks a rule is a [*params.Error], as of a body; the
// next one may be received then. If converse returns the error instead, the connection is
// closed, with code 1007 if the message is no JSON and with 1008 for all else. Other errors
// are those of a method Validate. A binary message in place of JSON ends the connection with
// code 1003.
//
// While nobody calls Receive at most one message is read, and nothing behind it: not that the
// client has closed the connection, either.
func (c *Conn[In, Out]) Receive(ctx context.Context) (message In, err error) {
	l := c.link
	select {
	case l.turn <- struct{}{}: // the memory of a message is used again after the next one
	case <-ctx.Done():
		return message, l.causeOr(ctx.Err())
	case <-l.closing:
		return message, l.cause
	}
	defer func() { <-l.turn }()
	for {
		select {
		case got := <-l.incoming:
			if c.socket.plan != nil && got.binary {
				l.close(&CloseError{Unsupported, "a binary message, where JSON is wanted"})
				continue
			}
			err = c.socket.decode(ctx, got, &message)
			return message, err
		case <-ctx.Done():
			return message, l.causeOr(ctx.Err())
		case <-l.closing:
			return message, l.cause
		}
	}
}

// decode reads a message, by the rules of a JSON body.
func (s *Socket[In, Out]) decode(ctx context.Context, got received, message *In) error {
	if raw, ok := any(message).(*Message); ok {
		*raw = Message{append([]byte{}, got.data...), got.binary}
		return nil
	}
	if s.plan.IsEmpty() {
		return nil
	}
	raw := s.decoder.Get().(*fasthttp.RequestCtx)
	raw.Request.SetBodyRaw(got.data)
	err := s.plan.DecodeWith(raw, nil, message)
	raw.Request.SetBodyRaw(nil)
	s.decoder.Put(raw)
	if err == nil && s.plan.Validates() {
		err = s.plan.Validate(ctx, message)
	}
	if err != nil {
		var none In
		*message = none
	}
	return err
}

// Send has a message sent, behind those that wait. It returns once it is among them, and
// waits for room until ctx is done. A client that does not take a message within
// Options.WriteTimeout loses the connection, and so ends the wait. The error is a
// [*CloseError] once the connection has ended, that of ctx, or says why message can't be
// encoded.
func (c *Conn[In, Out]) Send(ctx context.Context, message Out) error {
	l := c.link
	m, err := c.offer(&message)
	if !errors.Is(err, ErrFull) {
		return err
	}
	select {
	case l.queue <- m:
		return nil
	case <-ctx.Done():
		return l.causeOr(ctx.Err())
	case <-l.closing:
		return l.cause
	}
}

// TrySend is [Conn.Send] for who can't wait, such as one that sends to many: it returns
// [ErrFull] if there is no room.
func (c *Conn[In, Out]) TrySend(message Out) error {
	_, err := c.offer(&message)
	return err
}

// offer puts a message behind those that wait, if there is room.
func (c *Conn[In, Out]) offer(message *Out) (m outgoing, err error) {
	l := c.link
	if l.isClosing() {
		return m, l.cause
	}
	if m, err = encode(message); err != nil {
		return m, err
	}
	select {
	case l.queue <- m:
		return m, nil
	default:
		return m, ErrFull
	}
}

func encode[Out any](message *Out) (m outgoing, err error) {
	if raw, ok := any(message).(*Message); ok {
		if !raw.Binary && !utf8.Valid(raw.Data) {
			return m, errors.New("websocket: a text message that is to be sent is not UTF-8")
		}
		return outgoing{append([]byte{}, raw.Data...), raw.Binary}, nil
	}
	m.data, err = json.Marshal(message)
	return m, err
}

// Close begins to close the connection with a code, which must be one that may be sent, and a
// reason for people, and does not wait for the end. What waits is sent before. Once the
// connection has ended it does nothing.
func (c *Conn[In, Out]) Close(code int, reason string) { c.link.close(&CloseError{code, reason}) }

// Subprotocol returns the one of Options.Subprotocols that the client speaks, too; empty for
// none.
func (c *Conn[In, Out]) Subprotocol() string { return c.link.subprotocol }

var _ responses.EndedResponse = (*Response)(nil)
