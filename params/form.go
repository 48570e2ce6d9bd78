package params

import (
	"mime/multipart"
	"reflect"
	"unsafe"

	"github.com/valyala/fasthttp"
)

const (
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
)

// form reads an urlencoded or multipart body. A request without a body has no
// form fields.
func (d *decoding) form() error {
	header := &d.raw.Request.Header
	contentType := header.ContentType()
	switch {
	case len(header.ContentEncoding()) > 0:
		return errContentEncoding
	case hasMediaType(contentType, mediaForm):
		d.pairs(&d.plan.form, d.raw.Request.Body())
		return nil
	case hasMediaType(contentType, mediaMultipart):
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
	}
	return nil
}

var (
	fileType    = reflect.TypeFor[File]()
	filesType   = reflect.TypeFor[[]File]()
	filePtrType = reflect.TypeFor[*File]()
)

func isFile(t reflect.Type) bool { return t == fileType || t == filesType || t == filePtrType }

// storeFiles opens the uploads of one field.
func (d *decoding) storeFiles(p *param, headers []*multipart.FileHeader) error {
	if len(headers) == 0 {
		return nil
	}
	d.seen.add(p.order)
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
			*(*File)(at) = file
		case filePtrType:
			*(**File)(at) = &file
		default:
			files := (*[]File)(at)
			*files = append(*files, file)
		}
	}
	return nil
}

// filesAt returns the files of a file param in the input at base.
func (p *param) filesAt(base unsafe.Pointer) []File {
	switch at := unsafe.Add(base, p.offset); p.typ {
	case fileType:
		return []File{*(*File)(at)}
	case filePtrType:
		if file := *(**File)(at); file != nil {
			return []File{*file}
		}
		return nil
	default:
		return *(*[]File)(at)
	}
}
