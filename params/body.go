package params

import (
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/jsonread"
	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A body is what the JSON body is decoded into: a field, or the whole input.
type body struct {
	offset   uintptr
	order    int            // that of the param behind it: a body comes first among equals
	root     *schema.Schema // its type, with the rules below it
	reader   *jsonread.Reader
	rules    *rules.Rules    // the rules of the field itself; nil without any
	precheck schema.Precheck // for a body that is present; nil without any rules

	tag reflect.StructTag // of the field; empty when it is the whole input
}

var errNotJSON = &Error{
	Status: fasthttp.StatusUnsupportedMediaType,
	Detail: "the body must be JSON, and Content-Type must say application/json",
}

var errBlank = &Error{
	Status: fasthttp.StatusBadRequest,
	Detail: "the JSON body has nothing but white space",
}

// decodeBody decodes and validates the JSON body. It returns an error when the
// body can't be understood at all; what is wrong inside becomes faults.
func (d *decoding) decodeBody(b *body) error {
	text, err := d.jsonText()
	if err != nil {
		return err
	}
	at := d.base.At(b.offset)
	if len(text) == 0 || string(text) == "null" {
		if b.root.IsFilledAbsent() && !b.rules.MaySkip() {
			schema.FillDefaults(b.root, at, "null")
		}
		if b.isRuled() {
			d.faults = b.check(at, "null", nil)
		}
		return nil
	}
	doubtful, ok := b.reader.Read(text, at)
	if !ok {
		return d.decodeByCodec(b, at, text)
	}
	if doubtful && b.isRuled() || b.precheck != nil && !b.precheck(at, memory.Pointer{}) {
		d.faults = b.check(at, memory.Text(text), nil)
	}
	return nil
}

// decodeByCodec decodes a body that a reader has refused.
func (d *decoding) decodeByCodec(b *body, at memory.Pointer, text []byte) error {
	// go-json replaces invalid UTF-8 by U+FFFD, as encoding/json does; RFC 8259
	// section 8.1 asks for UTF-8, and we do not alter what we are sent.
	if !utf8.Valid(text) {
		return &Error{Status: fasthttp.StatusBadRequest, Detail: "the JSON body is not valid UTF-8"}
	}
	target := at.Value(b.root.Type)
	target.SetZero() // the reader may have left something there
	err := json.Unmarshal(text, target.Addr().Interface())
	// The error does not tell: a type's own UnmarshalJSON may fail with a syntax
	// error, and go-json says of a key that is no string that its type is wrong.
	if err != nil && !json.Valid(text) {
		where := "malformed"
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			where = fmt.Sprintf("malformed at byte %d, or nested too deeply there", syntax.Offset)
		}
		return &Error{Status: fasthttp.StatusBadRequest, Detail: "the JSON body is " + where, Err: err}
	}
	if b.root.Defaults {
		schema.FillDefaults(b.root, at, memory.Text(text))
	}
	if err != nil || b.isRuled() {
		d.faults = b.check(at, memory.Text(text), err)
	}
	return nil
}

// isRuled reports whether there are rules on the body or below it, or on its keys.
func (b *body) isRuled() bool { return b.root.Walked || b.rules != nil }

func (b *body) check(p memory.Pointer, text string, decodeErr error) schema.Faults {
	return schema.CheckBody(b.order, b.root, b.rules, p, text, decodeErr)
}

// jsonText returns the body without the white space around it, or nil when there
// is no body.
func (d *decoding) jsonText() ([]byte, error) {
	header := &d.raw.Request.Header
	contentType := header.ContentType()
	isJSON := isJSONType(contentType)
	// fasthttp has parsed a multipart body as it came in, and Body would put its
	// text together again.
	if !isJSON && hasMediaType(contentType, mediaMultipart) {
		return nil, errNotJSON
	}
	text := d.raw.Request.Body()
	switch {
	case len(text) == 0:
		return nil, nil
	case !isJSON:
		return nil, errNotJSON
	case isEncoded(header):
		return nil, errContentEncoding
	}
	for len(text) > 0 && jsonscan.IsSpace(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && jsonscan.IsSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	if len(text) == 0 {
		return nil, errBlank // white space is no JSON, while no body at all is allowed
	}
	return text, nil
}
