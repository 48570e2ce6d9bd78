package websocket

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	wire "github.com/fasthttp/websocket"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
)

// A link is a connection, below the types of its messages. Three goroutines have it: that of
// fasthttp reads, one writes, and one runs the service's function. fasthttp uses what is
// below the wire again when the first of them returns, so it waits for the others; whoever
// keeps a [Conn] beyond that finds closing closed, and touches nothing else.
type link struct {
	ctx         context.Context // the request's
	options     *Options
	endContext  func()
	subprotocol string

	wire *wire.Conn
	conn net.Conn // below it

	turn     chan struct{} // held by who receives
	incoming chan received
	queue    chan outgoing

	closed  sync.Once
	cause   *CloseError   // set before closing is closed
	closing chan struct{} // nothing is received or sent any more, but for what waits

	heard   atomic.Bool // something of the client, since the last ping
	handing atomic.Bool // a message is to be received, so nothing else can be heard

	failure error // of the function; nil where it has none that the log should know
}

type received struct {
	data   []byte // used again behind the next message
	binary bool
}

type outgoing struct {
	data   []byte
	binary bool
}

func newLink(ctx context.Context, o *Options) *link {
	return &link{
		ctx:      ctx,
		options:  o,
		turn:     make(chan struct{}, 1),
		incoming: make(chan received),
		queue:    make(chan outgoing, o.Queue),
		closing:  make(chan struct{}),
	}
}

// close begins the end, for the first cause that there is. The writer does the rest.
func (l *link) close(cause *CloseError) {
	l.closed.Do(func() {
		l.cause = cause
		close(l.closing)
		l.endContext()
	})
}

// causeOr returns why the connection has ended, or err if it has not.
func (l *link) causeOr(err error) error {
	if l.ctx.Err() != nil {
		<-l.closing // at once: the end of the context is the connection's
	}
	select {
	case <-l.closing:
		return l.cause
	default:
		return err
	}
}

// hold has the conversation, and returns when it has ended and nobody uses the connection.
func (l *link) hold(conn *wire.Conn, converse func() error) {
	l.wire, l.conn, l.subprotocol = conn, underlying(conn.NetConn()), strings.Clone(conn.Subprotocol())
	conn.SetReadLimit(int64(l.options.MessageLimit))
	conn.SetPingHandler(l.pong)
	conn.SetPongHandler(func(string) error {
		l.heard.Store(true)
		return nil
	})
	conn.SetCloseHandler(func(int, string) error { return nil }) // the writer answers
	l.heard.Store(true)
	stop := context.AfterFunc(l.ctx, func() { l.close(&CloseError{GoingAway, "the app shuts down"}) })
	defer stop()

	var others sync.WaitGroup
	others.Go(l.write)
	others.Go(func() { l.converse(converse) })
	l.read()
	others.Wait()
	_ = l.conn.Close()
}

// converse calls the function, and closes with what it returns.
func (l *link) converse(f func() error) {
	err := errGoexit
	defer func() {
		if cause := recover(); cause != nil {
			err = &background.PanicError{Value: cause, Stack: debug.Stack()}
		}
		l.conclude(err)
	}()
	err = f()
}

var errGoexit = errors.New("the function of the WebSocket called runtime.Goexit")

func (l *link) conclude(err error) {
	var with *CloseError
	invalid, isInvalid := errors.AsType[*params.Error](err)
	given, isGiven := errors.AsType[*CloseError](err)
	switch {
	case err == nil:
		with = &CloseError{Code: Normal}
	case isGiven && isSent(given.Code):
		with = given
	case isGiven && l.isClosing(): // of Receive, or of Send
		return
	case isInvalid && invalid.Status < http.StatusInternalServerError:
		with = closeFor(invalid)
	case l.isClosing() && errors.Is(err, context.Canceled): // of something that was done with the context
		return
	default:
		l.failure = err
		with = &CloseError{Code: InternalError}
	}
	l.close(with)
}

// closeFor returns what a message that was refused is closed with.
func closeFor(invalid *params.Error) *CloseError {
	if len(invalid.Faults) == 0 {
		return &CloseError{InvalidData, invalid.Detail}
	}
	f := invalid.Faults[0]
	return &CloseError{PolicyViolation, f.Pointer + ": " + f.Detail}
}

func (l *link) isClosing() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}

// write sends what waits, and pings, and in the end closes.
func (l *link) write() {
	// Not a ticker: a ping that is late, behind a message that a slow client takes, would have
	// the next one follow at once.
	timer := time.NewTimer(l.options.PingInterval)
	defer timer.Stop()
	for {
		select {
		case m := <-l.queue:
			l.put(m, l.deadline())
		case <-timer.C:
			l.ping()
			timer.Reset(l.options.PingInterval)
		case <-l.closing:
			l.end()
			return
		}
	}
}

func (l *link) deadline() time.Time { return time.Now().Add(l.options.WriteTimeout) }

func (l *link) put(m outgoing, deadline time.Time) (ok bool) {
	kind := wire.TextMessage
	if m.binary {
		kind = wire.BinaryMessage
	}
	_ = l.wire.SetWriteDeadline(deadline) // never fails
	err := l.wire.WriteMessage(kind, m.data)
	if err != nil && !errors.Is(err, wire.ErrCloseSent) { // the reader has, and knows why
		l.lost("the client does not take its messages: " + err.Error())
	}
	return err == nil
}

func (l *link) ping() {
	if !l.heard.Swap(false) && !l.handing.Load() {
		l.lost("the client does not answer a ping")
		return
	}
	if err := l.wire.WriteControl(wire.PingMessage, nil, l.deadline()); err != nil && !errors.Is(err, wire.ErrCloseSent) {
		l.lost("the client does not take a ping: " + err.Error())
	}
}

func (l *link) pong(data string) error {
	l.heard.Store(true)
	err := l.wire.WriteControl(wire.PongMessage, []byte(data), l.deadline())
	if errors.Is(err, wire.ErrCloseSent) {
		return nil // what follows is read on, to the client's own close
	}
	return err
}

// lost ends a connection on which nothing can be sent.
func (l *link) lost(why string) {
	l.close(&CloseError{Abnormal, why})
	_ = l.conn.Close()
}

// end sends what waits and the frame that closes, and gives the client time to close, too.
func (l *link) end() {
	deadline := l.deadline() // for all of it
	for sent := true; sent && len(l.queue) > 0; {
		sent = l.put(<-l.queue, deadline)
	}
	if l.cause.Code != Abnormal {
		_ = l.wire.WriteControl(wire.CloseMessage, l.cause.frame(), deadline)
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(l.options.CloseTimeout))
}
