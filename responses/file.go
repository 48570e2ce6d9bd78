package responses

import (
	"errors"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// FileResponse answers with a regular file, opened when the response is written
// and closed when it has been sent. Nothing of it is cached, so the work in
// Background may rewrite or delete the file.
//
// Path is the program's own. A name that comes from the client belongs below a
// directory which it cannot leave: open that once with [os.OpenRoot], and set
// Root.
//
// GET and HEAD requests with the status 200 know the conditions of RFC 9110,
// section 13: If-Match and If-Unmodified-Since (a 412 problem), If-None-Match and
// If-Modified-Since (304). GET knows a Range of one part (206, or a 416 problem),
// with If-Range. Files have a Last-Modified once they are two seconds old, and an
// ETag where Tagged is set, or Header or a middleware sets one.
//
// A file that is not there, a directory, a pipe, a device, or a name that leaves
// Root is a 404 problem which does not tell the path.
//
// A response whose file gets shorter while it is sent ends with the connection,
// so that the client does not take it for whole.
type FileResponse struct {
	Path         string
	Root         *os.Root      // Path is below it; nil means the file system as a whole
	Tagged       bool          // has an ETag of its size and time of modification, once it is two seconds old
	Name         string        // offers the file as a download of that name; "" leaves it to the client
	ContentType  string        // "" means by the extension of Path, or application/octet-stream
	WriteTimeout time.Duration // for each 256 KiB, not for all of them; 0 means 30 s
	Status       int           // 0 means the route's success status
	Header       Header
	Background   background.Work // runs after the response; nil for none
}

// File returns a response of the file at path, which must not come from the
// client: see [FileResponse].
func File(path string) FileResponse { return FileResponse{Path: path} }

// Write implements [Response].
func (r FileResponse) Write(raw *fasthttp.RequestCtx) error {
	file, info, err := r.open()
	if err != nil {
		return err
	}
	sending := false
	defer func() {
		if !sending {
			_ = file.Close() // it was only read
		}
	}()

	chosen, err := choose(raw, r, info)
	if err != nil {
		return err
	}
	h := head{status: chosen.status, fields: chosen.fields, header: r.Header}
	if chosen.status == fasthttp.StatusNotModified {
		return h.writeAlone(&raw.Response)
	}
	if r.Name != "" {
		h.fields = append(h.fields, field{fasthttp.HeaderContentDisposition, attachment(r.Name)})
	}
	h.contentType, h.given = contentTypeBinary, r.contentType()
	if _, err := file.Seek(chosen.part.start, io.SeekStart); err != nil {
		return err
	}
	if err := h.write(&raw.Response); err != nil {
		return err
	}
	body := &fileBody{
		transfer: &transfer{raw: raw, timeout: r.WriteTimeout},
		file:     file,
		left:     chosen.part.length,
	}
	body.extend()
	size := int(body.left)
	if int64(size) != body.left {
		size = -1 // too large for a 32-bit system: sent in chunks
	}
	raw.Response.SetBodyStream(body, size) // closes it, also when it is not sent
	sending = true
	return nil
}

// Work implements [Response].
func (r FileResponse) Work() background.Work { return attached(r.Background) }

// open opens the file. That there is none to send is a 404 problem.
//
// A pipe would wait for a writer, and to open some devices does something, so
// the file is looked at first. It may be another one a moment later: so it is
// opened without waiting, and looked at again.
func (r FileResponse) open() (*os.File, fs.FileInfo, error) {
	stat, openFile := os.Stat, os.OpenFile
	if r.Root != nil {
		stat, openFile = r.Root.Stat, r.Root.OpenFile
	}
	info, err := stat(r.Path)
	if err == nil {
		err = checkRegular(r.Path, info)
	}
	if err != nil {
		return nil, nil, missing(err)
	}
	file, err := openFile(r.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, missing(err)
	}
	info, err = file.Stat()
	if err == nil {
		err = checkRegular(r.Path, info)
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, missing(err)
	}
	return file, info, nil
}

func checkRegular(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "send", Path: path, Err: errNotRegular}
}

// contentType returns "" where there is nothing to tell it by.
func (r FileResponse) contentType() string {
	if r.ContentType != "" {
		return r.ContentType
	}
	return mime.TypeByExtension(filepath.Ext(r.Path))
}

var errNotRegular = errors.New("not a regular file")

// missing turns an error that says that there is no file to send into a 404
// problem.
func missing(err error) error {
	if isMissing(err) {
		return NewProblem(fasthttp.StatusNotFound, "file not found").WithCause(err)
	}
	return err
}

// isMissing reports whether err, of opening a file, says that there is none of
// that name. A name from a client may also be too long, hold a NUL, go through
// a file as if it were a directory, or lead out of its Root. That, and that it is
// not a regular one, are the errors but ErrClosed which do not come from the
// system. A socket can't be opened (ENXIO).
func isMissing(err error) bool {
	errno, fromSystem := errors.AsType[syscall.Errno](err)
	if !fromSystem {
		return !errors.Is(err, fs.ErrClosed)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	switch errno {
	case syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ELOOP, syscall.ENXIO:
		return true
	}
	return false
}
