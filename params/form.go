package params

import (
	"io"
	"mime/multipart"
	"reflect"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// form reads an urlencoded or multipart body. A request without a body has no
// form fields.
func (d *decoding) form() error {
	header := &d.raw.Request.Header
	contentType := header.ContentType()
	switch {
	case isEncoded(header):
		return errContentEncoding
	case hasMediaType(contentType, mediaForm):
		d.pairs(Form, &d.plan.form, d.raw.Request.Body())
		return nil
	case hasMediaType(contentType, mediaMultipart):
		header.Del(fasthttp.HeaderContentEncoding) // it says identity, and fasthttp refuses a form even with that
		form, err := d.raw.MultipartForm()
		if err != nil {
			return &Error{Status: fasthttp.StatusBadRequest, Detail: "malformed multipart form", Err: err}
		}
		return d.multipart(form)
	case len(d.raw.Request.Body()) == 0:
		return nil
	default:
		return &Error{
			Status: fasthttp.StatusUnsupportedMediaType,
			Detail: "the body must be " + mediaForm + " or " + mediaMultipart + ", as Content-Type says",
		}
	}
}

func (d *decoding) multipart(form *multipart.Form) error {
	for _, p := range d.plan.form.params {
		if p.file {
			if err := d.storeFiles(p, form.File[p.name]); err != nil {
				return err
			}
			continue
		}
		for _, value := range form.Value[p.name] {
			d.store(p, value)
		}
		for _, header := range form.File[p.name] {
			if err := d.storeText(p, header); err != nil {
				return err
			}
		}
	}
	if d.plan.rejectsUnknown {
		d.unknownParts(form)
	}
	return nil
}

// maxTextPart is how many bytes a text may have that was sent as a file.
// mime/multipart allows all other texts together at least as many, beside any files.
const maxTextPart = 10 << 20

// storeText stores a part with a file name in a field that is no file. Browsers
// send a Blob this way, and a Blob is how a script gives a part of a form a content
// type such as application/json.
func (d *decoding) storeText(p *param, header *multipart.FileHeader) error {
	if d.bad.Has(p.order) {
		return nil
	}
	if header.Size > maxTextPart {
		d.seen.Add(p.order)
		d.fault(p, CodeType, "must be a text of at most 10 MiB")
		return nil
	}
	file, err := header.Open()
	if err != nil {
		return &Error{Status: fasthttp.StatusInternalServerError, Detail: "the upload could not be read", Err: err}
	}
	defer func() { _ = file.Close() }() // was only read
	text := make([]byte, header.Size)
	if _, err := io.ReadFull(file, text); err != nil {
		return &Error{Status: fasthttp.StatusInternalServerError, Detail: "the upload could not be read", Err: err}
	}
	d.store(p, memory.Text(text))
	return nil
}

var (
	fileType    = reflect.TypeFor[File]()
	filesType   = reflect.TypeFor[[]File]()
	filePtrType = reflect.TypeFor[*File]()
)

func isFile(t reflect.Type) bool { return t == fileType || t == filesType || t == filePtrType }

// storeFiles opens the uploads of one field and stores them.
func (d *decoding) storeFiles(p *param, headers []*multipart.FileHeader) error {
	if len(headers) == 0 {
		return nil
	}
	d.seen.Add(p.order)
	if len(headers) > 1 && p.typ != filesType {
		d.fault(p, CodeDuplicate, "must be given once")
		return nil
	}
	for _, header := range headers {
		file, err := openFile(header)
		if err != nil {
			return &Error{Status: fasthttp.StatusInternalServerError, Detail: "the upload could not be read", Err: err}
		}
		switch at := d.at(p); p.typ {
		case fileType:
			*memory.As[File](at) = file
		case filePtrType:
			*memory.As[*File](at) = &file
		default:
			files := memory.As[[]File](at)
			*files = append(*files, file)
		}
	}
	return nil
}

// filesAt returns the files of a file param in the input at base.
func (p *param) filesAt(base memory.Pointer) []File {
	switch at := base.At(p.offset); p.typ {
	case fileType:
		return []File{*memory.As[File](at)}
	case filePtrType:
		if file := *memory.As[*File](at); file != nil {
			return []File{*file}
		}
		return nil
	default:
		return *memory.As[[]File](at)
	}
}
