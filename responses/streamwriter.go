package responses

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

// streamBuffer is how many bytes are collected for a chunk: with its framing it
// fits into the 4 KiB that fasthttp buffers, and takes one system call.
const streamBuffer = 4<<10 - 16

// errStreamEnded answers the use of a writer after its function has returned.
var errStreamEnded = errors.New("responses: write to a stream that has ended")

// StreamWriter is where a streamed response is written to. It collects some
// 4 KiB and sends them as a chunk. After the first error, which means that the
// client is gone or too slow, every call returns an error.
//
// A StreamWriter may be used by several goroutines, each of whose calls is
// written as a whole. It ends with the function it was given to: a goroutine
// that still holds it gets an error, and reaches no other request's connection.
type StreamWriter struct {
	// mu guards the rest. It is held while a chunk is sent, for at most the
	// write timeout: the calls have to wait for each other in any case.
	mu     sync.Mutex
	buffer *bufio.Writer
	ended  bool
}

// Write adds p to the body. It waits for the client once the buffer is full, and
// does not keep p.
func (w *StreamWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return 0, errStreamEnded
	}
	return w.buffer.Write(p)
}

// WriteString is Write for a string.
func (w *StreamWriter) WriteString(s string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return 0, errStreamEnded
	}
	return w.buffer.WriteString(s)
}

// Flush sends what has been collected, so that the client sees it now. The end
// of the function flushes by itself.
func (w *StreamWriter) Flush() error { return w.send(nil) }

// send writes p and flushes it, with no other call in between.
func (w *StreamWriter) send(p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errStreamEnded
	}
	_, _ = w.buffer.Write(p) // whose error Flush returns, too
	return w.buffer.Flush()
}

// writeBoth is Write for a and b, with no other call in between.
func (w *StreamWriter) writeBoth(a, b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errStreamEnded
	}
	_, _ = w.buffer.Write(a) // whose error the next one returns, too
	_, err := w.buffer.Write(b)
	return err
}

func (w *StreamWriter) begin(sink io.Writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buffer = bufio.NewWriterSize(sink, streamBuffer)
}

func (w *StreamWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
