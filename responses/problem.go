package responses

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

const (
	contentTypeProblem = "application/problem+json"

	// internalDetail is all a client learns of an error that was not made for it.
	internalDetail = "the server could not answer this request"
)

// Problem is an error made for the client: it is answered as
// application/problem+json (RFC 9457). It is both an error, to be returned by a
// handler, and a [Response]. The zero value is a 500 without a detail.
//
// A Problem may be a package-level variable that many requests return: nothing
// in this package changes one, and the With methods return changed copies.
type Problem struct {
	Type     string // a URI for the kind of problem; "" means about:blank and is left out
	Title    string // "" means the status text
	Status   int    // 400..599; anything else is answered as 500
	Detail   string // what went wrong this time, told to the client
	Instance string // a URI for this occurrence; "" is left out
	Errors   any    // the extension member "errors": a list of single faults; nil is left out, a nil slice is []

	// Extensions has more members (RFC 9457, 3.2): a struct, or a map with string keys, whose
	// members are those of the problem. None may be called as one above. nil is none.
	Extensions any

	Header     Header
	Background background.Work // runs after the response; nil for none
	Cause      error           // never sent; in the log where the status is 500 or more

	original *Problem // what a With method copied
}

// NewProblem returns a problem of an HTTP status and a detail for the client.
func NewProblem(status int, detail string) *Problem {
	return &Problem{Status: status, Detail: detail}
}

// ProblemFor returns the problem to answer err with:
//   - the *Problem which err is or wraps;
//   - else, where err is or wraps a [StatusError], a problem of its status, with
//     its message if it is a [PublicError] as well;
//   - else a 500 with a fixed text.
//
// A status outside of 400..599 counts as 500. The text of err itself is never in
// the public part; err becomes the Cause. ProblemFor(nil) is nil.
func ProblemFor(err error) *Problem {
	if err == nil {
		return nil
	}
	if problem, ok := errors.AsType[*Problem](err); ok {
		if problem == nil { // a nil *Problem in an error that is not nil
			return NewProblem(fasthttp.StatusInternalServerError, internalDetail).WithCause(err)
		}
		return problem
	}
	if coded, ok := errors.AsType[StatusError](err); ok {
		problem := &Problem{Status: errorStatus(coded.StatusCode()), Cause: err}
		if public, ok := coded.(PublicError); ok {
			problem.Detail = public.PublicMessage()
		}
		return problem
	}
	return &Problem{Status: fasthttp.StatusInternalServerError, Detail: internalDetail, Cause: err}
}

// A StatusError is an error that knows the HTTP status to be answered with. Any error with the method is one, of whatever package: none has to
// import another for it.
type StatusError interface {
	error

	// StatusCode returns the status. One outside of 400..599 counts as 500.
	StatusCode() int
}

// A PublicError is a [StatusError] which says what the client may be told.
type PublicError interface {
	StatusError

	// PublicMessage returns the detail of the problem.
	PublicMessage() string
}

// errorStatus returns status where it is one of an error, and 500 otherwise.
func errorStatus(status int) int {
	if status < 400 || status > 599 {
		return fasthttp.StatusInternalServerError
	}
	return status
}

// Error returns status, title and detail, and the text of the Cause: it is for
// the log, not for the client. Of a nil pointer it tells how that came to be an
// error.
func (p *Problem) Error() string {
	if p == nil { // an interface that holds it is not nil
		return "responses: a nil *Problem was returned as an error: return nil, or declare the variable as error"
	}
	text := fmt.Sprintf("%d %s", p.StatusCode(), p.title())
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	if p.Cause != nil {
		text += ": " + p.Cause.Error()
	}
	return text
}

// Unwrap returns the Cause.
func (p *Problem) Unwrap() error {
	if p == nil {
		return nil
	}
	return p.Cause
}

// Is reports whether p was made from target by a With method, so that
// errors.Is(err, ErrSoldOut) holds for ErrSoldOut.WithCause(…).
func (p *Problem) Is(target error) bool {
	return p != nil && p.original != nil && target == error(p.original)
}

// StatusCode returns the status the problem is answered with: Status, or 500
// where that is not within 400..599.
func (p *Problem) StatusCode() int { return errorStatus(p.Status) }

// WithCause returns a copy of p with another Cause, for errors.Is and errors.As, and
// for the log where the status is 500 or more.
func (p *Problem) WithCause(err error) *Problem {
	problem := p.copy()
	problem.Cause = err
	return problem
}

// WithBackground returns a copy of p that starts work once it has been sent.
func (p *Problem) WithBackground(work background.Work) *Problem {
	problem := p.copy()
	problem.Background = work
	return problem
}

func (p *Problem) copy() *Problem {
	problem := *p
	if p.original == nil {
		problem.original = p
	}
	return &problem
}

// Write implements [Response]. It does not change p.
func (p *Problem) Write(raw *fasthttp.RequestCtx) error {
	status := p.StatusCode()
	h := &head{status: status, contentType: contentTypeProblem, header: p.Header}
	document := problemDocument{
		Type:     p.Type,
		Title:    p.title(),
		Status:   status,
		Detail:   p.Detail,
		Instance: p.Instance,
		Errors:   faultList(p.Errors),
	}
	if p.Extensions == nil {
		return writeJSON(&raw.Response, h, document)
	}
	text, err := extended(document, p.Extensions)
	if err != nil {
		return err
	}
	return writeJSON(&raw.Response, h, text)
}

// WriteProblem answers a request with a problem, for middleware. Background work
// of the problem is not run.
func WriteProblem(raw *fasthttp.RequestCtx, problem *Problem) {
	if err := problem.Write(raw); err != nil {
		// Only a header field that the caller made can be wrong.
		_ = NewProblem(fasthttp.StatusInternalServerError, "").Write(raw)
	}
}

// faultList returns errors, or an empty list for a nil slice, which JSON has as
// null: clients that know the member expect a list.
func faultList(errors any) any {
	if list := reflect.ValueOf(errors); list.Kind() == reflect.Slice && list.IsNil() {
		return []struct{}{}
	}
	return errors
}

// Work implements [Response].
func (p *Problem) Work() background.Work { return attached(p.Background) }

func (p *Problem) title() string {
	if p.Title != "" {
		return p.Title
	}
	return fasthttp.StatusMessage(p.StatusCode())
}

// problemDocument is a Problem as it is sent: it has no field that must not be.
type problemDocument struct {
	Type     string `json:"type,omitempty"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"`
	Errors   any    `json:"errors,omitempty"`
}
