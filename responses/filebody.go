package responses

import (
	"errors"
	"io"
	"os"
)

// filePiece is how many bytes of a file or a chunk are sent with one deadline: with the
// default timeout a client has to take 9 kB a second.
const filePiece = 256 << 10

// fileBody is the part of a file that is still to be sent. It goes to fasthttp
// in pieces, so that each has a deadline of its own; as each is an *os.File in
// an io.LimitedReader, the kernel still sends it (sendfile).
type fileBody struct {
	*transfer
	file *os.File
	left int64
}

// SupportsBodyWriteTo tells fasthttp to call WriteTo instead of Read.
func (b *fileBody) SupportsBodyWriteTo() bool { return true }

// WriteTo sends the rest of the file.
func (b *fileBody) WriteTo(w io.Writer) (sent int64, err error) {
	b.begin()
	defer func() { b.end(err) }()
	for b.left > 0 {
		b.extend()
		n, err := io.CopyN(w, b.file, min(b.left, filePiece))
		sent += n
		b.left -= n
		b.add(n)
		if err != nil {
			return sent, truncated(err)
		}
	}
	return sent, nil
}

// Read is for whoever wraps the body in a reader of its own.
func (b *fileBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.extend()
	n, err := b.file.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.add(int64(n))
	if err != nil {
		err = truncated(err)
		b.end(err)
	}
	return n, err
}

// Close closes the file. fasthttp calls it however the response ended.
func (b *fileBody) Close() error { return errors.Join(b.close(), b.file.Close()) }

// truncated turns the end of a file before that of the body into an error.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
