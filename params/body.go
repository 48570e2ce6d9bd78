package params

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"
)

// A body is the field that takes the JSON body, or the whole input.
type body struct {
	typ      reflect.Type
	offset   uintptr
	order    int
	required bool
	root     *node  // the rules below the body's type
	rules    *rules // the rules of the field itself; nil without any
}

var errContentEncoding = &Error{
	Status: fasthttp.StatusUnsupportedMediaType,
	Detail: "the body is compressed, which is not supported: send it without Content-Encoding",
}

var errNotJSON = &Error{
	Status: fasthttp.StatusUnsupportedMediaType,
	Detail: "the body must be JSON, and Content-Type must say application/json",
}

// decodeBody decodes and validates the JSON body. It returns an error when the
// body can't be understood at all; what is wrong inside becomes faults.
func (d *decoding) decodeBody(b *body) error {
	text, err := d.jsonText()
	if err != nil {
		return err
	}
	fault := func(code, detail string) {
		d.faults = append(d.faults, orderedFault{b.order, Fault{In: Body, Pointer: "#", Code: code, Detail: detail}})
	}
	if len(text) == 0 || string(text) == "null" {
		if b.required {
			fault(CodeRequired, "is required")
		}
		return nil
	}
	// go-json replaces invalid UTF-8 by U+FFFD, as encoding/json does; RFC
	// 8259 section 8.1 asks for UTF-8, and we do not alter what we are sent.
	if !utf8.Valid(text) {
		return &Error{Status: fasthttp.StatusBadRequest, Detail: "the JSON body is not valid UTF-8"}
	}
	at := unsafe.Add(d.base, b.offset)
	err = json.Unmarshal(text, reflect.NewAt(b.typ, at).Interface())
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &Error{
			Status: fasthttp.StatusBadRequest,
			Detail: fmt.Sprintf("the JSON body is malformed at byte %d, or nested too deeply there", syntax.Offset),
			Err:    err,
		}
	}
	if err == nil && !b.root.active && b.rules == nil {
		return nil
	}
	d.checkBody(b, at, text, err)
	return nil
}

// checkBody validates the decoded body at p. Whether a required zero value was
// present is not known after decoding, so the first pass looks at the values
// alone, and only if a required one is zero, or decoding failed, the text is
// walked for what is absent or of the wrong type.
func (d *decoding) checkBody(b *body, p unsafe.Pointer, text []byte, decodeErr error) {
	before := len(d.faults)
	c := checker{rules: b.rules, in: Body, order: b.order, faults: &d.faults}
	if decodeErr == nil {
		if c.value(b.root, b.rules, b.typ, p, nil); !c.unsure {
			return
		}
	}
	d.faults = d.faults[:before]
	c = checker{rules: b.rules, in: Body, order: b.order, faults: &d.faults, resolved: true}
	w := walker{text: text, checker: &c, types: decodeErr != nil}
	w.value(b.root, b.rules)
	if decodeErr != nil {
		typeErr, ok := errors.AsType[*json.UnmarshalTypeError](decodeErr)
		if len(d.faults) == before {
			// The walk understands less than the codec; say what it says.
			pointer := "#"
			if ok && typeErr.Field != "" {
				pointer += "/" + strings.ReplaceAll(typeErr.Field, ".", "/")
			}
			d.faults = append(d.faults, orderedFault{b.order, Fault{In: Body, Pointer: pointer, Code: CodeType, Detail: "has the wrong type"}})
		}
		if !ok {
			return // decoding stopped there, so the rest of the values is not set
		}
	}
	c.value(b.root, b.rules, b.typ, p, nil)
}

// jsonText returns the body without the white space around it; nil when there
// is none.
func (d *decoding) jsonText() ([]byte, error) {
	header := &d.raw.Request.Header
	contentType := header.ContentType()
	// A multipart body was parsed as it came in, and asking for its text would
	// put it together again.
	if hasMediaType(contentType, mediaMultipart) {
		return nil, errNotJSON
	}
	text := d.raw.Request.Body()
	switch {
	case len(text) == 0:
		return nil, nil
	case !isJSONType(contentType):
		return nil, errNotJSON
	case len(header.Peek(fasthttp.HeaderContentEncoding)) > 0:
		return nil, errContentEncoding
	}
	return bytes.Trim(text, " \t\r\n"), nil
}

// isJSONType reports whether a Content-Type field says application/json or a
// type with the suffix +json (RFC 6839).
func isJSONType(contentType []byte) bool {
	if string(contentType) == "application/json" || hasMediaType(contentType, "application/json") {
		return true
	}
	mediaType, _, _ := bytes.Cut(contentType, []byte(";"))
	const suffix = "+json"
	mediaType = bytes.TrimSpace(mediaType)
	return len(mediaType) > len(suffix) && strings.EqualFold(view(mediaType[len(mediaType)-len(suffix):]), suffix)
}
