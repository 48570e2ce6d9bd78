package responses

import (
	"cmp"
	"errors"
	"io"
	"iter"
	"runtime/debug"
	"slices"

	"github.com/velithon-go/velithon/background"
)

// streamBody is a response body made by a function. fasthttp knows it as an
// io.Reader, but asks for WriteTo where it can, which is the way that needs
// neither a goroutine nor a pipe.
type streamBody struct {
	*transfer
	run    func(w *StreamWriter) error
	writer StreamWriter

	// next and stop are set by the first Read, which turns run into a
	// coroutine; pulled is what it has written and Read has not yet given out.
	next   func() ([]byte, bool)
	stop   func()
	pulled []byte
}

// SupportsBodyWriteTo tells fasthttp to call WriteTo instead of Read.
func (b *streamBody) SupportsBodyWriteTo() bool { return b.next == nil }

// WriteTo calls the function with a StreamWriter that writes to w, each Write of
// which fasthttp sends as one chunk. The error that it returns makes fasthttp
// close the connection without the chunk that ends the body.
func (b *streamBody) WriteTo(w io.Writer) (int64, error) {
	if b.next != nil { // io.Copy after a Read: the function is under way
		return io.Copy(w, struct{ io.Reader }{b})
	}
	sink := &chunkSink{transfer: b.transfer, chunks: w}
	err := b.call(sink)
	return sink.written, err
}

// call runs the function to its end and keeps how that ended.
func (b *streamBody) call(sink io.Writer) (err error) {
	b.begin()
	b.writer.begin(sink)
	returned := false
	defer func() {
		value := recover()
		exits := value == nil && !returned
		switch {
		case value != nil:
			err = &background.PanicError{Value: value, Stack: debug.Stack()}
		case exits:
			err = errGoexit
		}
		b.writer.end()
		b.end(err)
		if exits {
			b.exit()
		}
	}()
	if err = b.run(&b.writer); err == nil {
		err = b.writer.Flush()
		b.extend() // for the end of the body, which fasthttp writes, and for the header if there was nothing else
	}
	returned = true
	return err
}

// errGoexit is how a function ended that neither returned nor panicked.
var errGoexit = errors.New("responses: stream called runtime.Goexit")

// Read is the way for whoever wraps the body in a reader of its own. iter.Pull
// runs the function in turns with the caller, never beside it, and Close ends it
// where the caller stops early.
func (b *streamBody) Read(p []byte) (int, error) {
	if b.next == nil {
		b.next, b.stop = iter.Pull(func(yield func([]byte) bool) {
			_ = b.call(yieldSink(yield)) // kept by the transfer
		})
	}
	b.extend()
	for len(b.pulled) == 0 {
		chunk, more := b.next()
		if !more {
			return 0, cmp.Or(b.failure(), io.EOF)
		}
		b.pulled = chunk
	}
	n := copy(p, b.pulled)
	b.pulled = b.pulled[n:]
	b.add(int64(n))
	return n, nil
}

// Close ends the use of the connection, and the function where it waits for the
// next Read. fasthttp calls it after the response, however that ended.
func (b *streamBody) Close() error {
	if b.stop != nil {
		b.stop()
	}
	b.writer.end()
	return b.close()
}

// chunkSink writes chunks, each with a deadline of its own. A long one is written in
// pieces, as a file is.
type chunkSink struct {
	*transfer
	chunks  io.Writer
	written int64
}

func (s *chunkSink) Write(p []byte) (int, error) {
	written := 0
	for piece := range slices.Chunk(p, filePiece) {
		s.extend()
		n, err := s.chunks.Write(piece)
		s.written += int64(n)
		written += n
		s.add(int64(n))
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// yieldSink gives what is written to the loop that pulls. The loop has used p
// up when it asks for the next, so p is not copied.
type yieldSink func(p []byte) bool

func (yield yieldSink) Write(p []byte) (int, error) {
	if !yield(p) {
		return 0, errAborted
	}
	return len(p), nil
}
