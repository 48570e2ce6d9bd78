package params

import (
	"io"
	"math"
	"mime/multipart"
	"os"
	"path"
	"strings"
	"sync"
	"unicode"
)

// A File is an upload: a form field of a multipart/form-data request that
// carries a file. The zero File is no upload; see [File.Given].
//
// fasthttp deletes the temporary file of a large upload when the request ends,
// and background work runs after that. So the framework opens every declared
// File while it decodes the request, and closes it when the request and the
// background work that its response carries have both ended, however they
// end. Until then it can be read from any goroutine, as often as wanted. Work
// that is not part of the response can open a reader with [File.Open] before
// that, and the file stays readable until it closes the reader.
//
// On Unix an upload's bytes leave the disk with its last reader, even if the
// process is killed. On Windows a temporary file that is still read when the
// request ends stays in the temporary directory.
type File struct {
	// Name is the last element of the file name that the client gave, in
	// printable characters, for display. It may be empty, and it may be
	// anything: name a file on disk yourself.
	Name string
	// ContentType is what the client says the file is; nobody has checked it.
	ContentType string
	// Size is the file's length in bytes.
	Size int64

	upload *upload
}

// Given reports whether the request had this file.
func (f File) Given() bool { return f.upload != nil }

// Open returns a reader over the whole file, with a position of its own. The
// caller closes it; until then the file stays readable, also after the
// request. After the request and its background work have ended, Open fails
// with [os.ErrClosed]; of a File that was not given, with [os.ErrNotExist].
// Open may be called by many goroutines at once.
func (f File) Open() (io.ReadSeekCloser, error) {
	if f.upload == nil {
		return nil, os.ErrNotExist
	}
	if !f.upload.retain() {
		return nil, os.ErrClosed
	}
	return &fileReader{SectionReader: io.NewSectionReader(f.upload.content, 0, f.Size), upload: f.upload}, nil
}

// An upload is the open content of a [File] and the number of its users: the
// request with its background work counts as one, each open reader as one.
type upload struct {
	content multipart.File

	mu    sync.Mutex // guards what follows
	users int
	ended bool // the request with its background work
}

// openFile opens the file while fasthttp still has it.
func openFile(header *multipart.FileHeader) (File, error) {
	content, err := header.Open()
	if err != nil {
		return File{}, err
	}
	return File{
		Name:        baseName(header.Filename),
		ContentType: header.Header.Get("Content-Type"),
		Size:        header.Size,
		upload:      &upload{content: content, users: 1},
	}, nil
}

// baseName returns the last element of a path of Unix or Windows, without the
// characters that can't be printed: some of them reverse the text that is displayed.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" || name == ".." {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
}

func (u *upload) retain() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return false
	}
	u.users++
	return true
}

// end gives up the use that the request has. A second call does nothing.
func (u *upload) end() {
	u.mu.Lock()
	ended := u.ended
	u.ended = true
	u.mu.Unlock()
	if !ended {
		u.release()
	}
}

// release gives up one use; the last one closes the content. The close error
// of a file that was only read says nothing that anyone could act on.
func (u *upload) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.users--; u.users == 0 {
		_ = u.content.Close()
	}
}

// A fileReader reads an upload and is one of its users until it is closed.
type fileReader struct {
	*io.SectionReader
	once   sync.Once
	upload *upload
}

// Close gives the file up. A second Close does nothing. Reading afterwards
// fails with [os.ErrClosed].
func (r *fileReader) Close() error {
	r.once.Do(func() {
		r.SectionReader = io.NewSectionReader(closedFile{}, 0, math.MaxInt64)
		r.upload.release()
	})
	return nil
}

// closedFile is what a closed reader reads.
type closedFile struct{}

func (closedFile) ReadAt([]byte, int64) (int, error) { return 0, os.ErrClosed }
