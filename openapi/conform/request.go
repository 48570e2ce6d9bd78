package conform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A request is one that was drawn.
type request struct {
	op     *operation
	params []sent
	body   any // of JSON
	has    bool
	form   string // the media type of a form; "" without one
	broken string // how it breaks the document; "" when it keeps to it
	at     *sent  // the parameter that is broken; nil without one
}

// attempts is how often a request is drawn anew that keeps to the document, or breaks it.
const attempts = 5

// draw draws a request; nil if none was found.
func (s *suite) draw(t *rapid.T, op *operation, m mode) *request {
	for range attempts {
		if q := s.drawOnce(t, op, m); q != nil {
			return q
		}
	}
	return nil
}

func (s *suite) drawOnce(t *rapid.T, op *operation, m mode) (q *request) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(undrawable); !ok {
				panic(p)
			}
			q = nil
		}
	}()
	q = &request{op: op}
	for _, p := range op.params {
		q.params = append(q.params, s.param(t, p))
	}
	if op.body != nil && (op.mustBody || rapid.Bool().Draw(t, "with a body")) {
		q.body, q.has = (&drawer{s.document, t, anyRune}).value(op.body, 0), true
	}
	if len(op.formTypes) > 0 {
		q.form = rapid.SampledFrom(op.formTypes).Draw(t, "form")
	}
	if m != valid && !s.breakOne(t, q, m) {
		return nil
	}
	return q
}

// A change breaks a request.
type change func(q *request)

// breakOne breaks a request at one place, and reports whether there is one.
func (s *suite) breakOne(t *rapid.T, q *request, m mode) bool {
	places := s.places(t, q, m)
	for len(places) > 0 {
		i := rapid.IntRange(0, len(places)-1).Draw(t, "place")
		if changes := places[i](); len(changes) > 0 {
			rapid.SampledFrom(changes).Draw(t, "change")(q)
			return true
		}
		places = slices.Delete(places, i, i+1)
	}
	return false
}

// places returns, for each place of a request, what finds the changes that break it there.
func (s *suite) places(t *rapid.T, q *request, m mode) (all []func() []change) {
	for i, p := range q.params {
		all = append(all, func() (changes []change) {
			for _, w := range s.breakParam(t, p, m) {
				changes = append(changes, func(q *request) {
					q.params[i].texts, q.params[i].files = w.texts, w.files
					q.broken, q.at = w.how, &q.params[i]
				})
			}
			return changes
		})
	}
	if !q.has {
		return all
	}
	d := &drawer{s.document, t, anyRune}
	for _, at := range s.spots(q.body, q.op.body, nil) {
		all = append(all, func() (changes []change) {
			for _, b := range d.breakJSON(q.body, at, m) {
				if s.judge(q.op.body[place].(string), b.value) != nil {
					changes = append(changes, func(q *request) { q.body, q.broken = b.value, "the body's "+b.how })
				}
			}
			return changes
		})
	}
	if m == missing && q.op.mustBody {
		all = append(all, func() []change {
			return []change{func(q *request) { q.has, q.broken = false, "the body is missing" }}
		})
	}
	return all
}

// build writes a request for HTTP.
func (s *suite) build(q *request) (*http.Request, error) {
	target := q.op.path
	query := url.Values{}
	header := http.Header{}
	var cookies []string
	for _, p := range q.params {
		for _, text := range p.texts {
			switch p.in {
			case "path":
				target = strings.ReplaceAll(target, "{"+p.name+"}", url.PathEscape(text))
			case "query":
				query.Add(p.name, text)
			case "header":
				header.Add(p.name, text)
			case "cookie":
				cookies = append(cookies, p.name+"="+text)
			}
		}
	}
	if len(cookies) > 0 {
		header.Set("Cookie", strings.Join(cookies, "; "))
	}
	target = s.url + target
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	body, contentType, err := q.content()
	if err != nil {
		return nil, err
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequest(q.op.method, target, reader)
	if err != nil {
		return nil, err
	}
	r.Header = header
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if s.options.Change != nil {
		s.options.Change(r)
		if q.at != nil && q.at.in == "header" { // it stays broken
			r.Header.Del(q.at.name)
			for _, text := range q.at.texts {
				r.Header.Add(q.at.name, text)
			}
		}
	}
	return r, nil
}

// content returns the body and its content type.
func (q *request) content() (body []byte, contentType string, err error) {
	switch {
	case q.has:
		body, err = encode(q.body)
		return body, q.op.bodyType, err
	case q.form == mediaForm:
		values := url.Values{}
		for _, p := range q.fields() {
			values[p.name] = p.texts
		}
		return []byte(values.Encode()), mediaForm, nil
	case q.form == mediaMultipart:
		return q.multipart()
	}
	return nil, "", nil
}

// encode writes JSON as a client does that escapes nothing for HTML.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// textOfJSON writes a value that was read from JSON, or made as if it were.
func textOfJSON(value any) string {
	text, err := encode(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// fields returns the fields of the form.
func (q *request) fields() []sent {
	return slices.DeleteFunc(slices.Clone(q.params), func(p sent) bool { return p.in != form })
}

func (q *request) multipart() ([]byte, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary("conform"); err != nil { // the same each time
		return nil, "", err
	}
	var errs []error
	for _, p := range q.fields() {
		for i, text := range p.texts {
			header := make(textproto.MIMEHeader)
			disposition := fmt.Sprintf(`form-data; name="%s"`, quoter.Replace(p.name))
			if p.files {
				disposition += fmt.Sprintf(`; filename="file%d.bin"`, i)
				header.Set("Content-Type", "application/octet-stream")
			}
			header.Set("Content-Disposition", disposition)
			part, err := w.CreatePart(header)
			errs = append(errs, err)
			if err == nil {
				_, err = io.WriteString(part, text)
				errs = append(errs, err)
			}
		}
	}
	errs = append(errs, w.Close())
	return b.Bytes(), w.FormDataContentType(), errors.Join(errs...)
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// curl returns a request as a command for a shell.
func curl(r *http.Request) string {
	var b strings.Builder
	b.WriteString("curl -i -X " + r.Method + " " + shell(r.URL.String()))
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			b.WriteString(" -H " + shell(name+": "+value))
		}
	}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			if text, err := io.ReadAll(body); err == nil && len(text) > 0 {
				b.WriteString(" --data-binary " + shell(string(text)))
			}
		}
	}
	return b.String()
}

// shell quotes a text for bash.
func shell(text string) string {
	plain := utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == '\'' || c == 0x7f })
	if plain {
		return "'" + text + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}
