package params

import (
	"fmt"
	"strings"

	"github.com/velithon-go/velithon/params/internal/schema"
)

// MaxFaults is the largest number of faults that one [Error] lists; if there are
// more, its Detail says so. The bound keeps the answer to a hostile request small, and
// the memory that it takes.
const MaxFaults = schema.MaxFaults // 100

// The codes of the faults that this package finds itself. A fault found by a
// validate rule has the rule's name as its code, e.g. "min".
const (
	CodeRequired  = "required"  // the value is absent
	CodeType      = "type"      // the value does not convert to the field's type
	CodeDuplicate = "duplicate" // a single value was given more than once
	CodeEncoding  = "encoding"  // the value is not valid UTF-8
	CodeUnknown   = "unknown"   // nothing has this name; see [Options.RejectUnknown]
)

// A Fault is one thing wrong with a request, as the client is told it. It
// never holds the offending value; its Pointer holds the keys that lead there.
type Fault struct {
	In      Source `json:"in"`                // where the value belongs
	Name    string `json:"name,omitempty"`    // the parameter, for every source but the body
	Pointer string `json:"pointer,omitempty"` // the place in a JSON body, as an RFC 6901 pointer in a URI fragment: "#/items/0/qty"; if that has more than 512 bytes, a place around it
	Code    string `json:"code"`              // what is wrong, for programs
	Detail  string `json:"detail"`            // what is wrong, for people
}

// An Error says why a request could not be decoded. It is the client's fault unless
// Status is 500, and everything in it but Err may be shown to the client.
type Error struct {
	// Status is the HTTP status that answers it: 400 for a request that
	// can't be parsed, 415 for a content type that the route does not take,
	// 422 for values that are absent or wrong, and 500 for an upload that the
	// server could not read.
	Status int

	// Detail is one sentence about the request as a whole.
	Detail string

	// Faults lists what is wrong, in the order of the input type's fields. It is
	// empty when the request as a whole could not be read. Inside a body, what is
	// absent or of the wrong type comes first, in the order of the text, and then
	// what breaks a rule, in the order of the fields; the entries of a map have
	// no order. It holds at most [MaxFaults].
	Faults []Fault

	// Err is the cause, for the log; nil when Faults says it all.
	Err error

	found schema.Faults // the same as Faults, with what was asked; nil if others made them
}

// Error describes the faults, for the log: without any value of the request,
// unless Err has one.
func (e *Error) Error() string {
	if len(e.Faults) == 0 {
		if e.Err != nil {
			return "params: " + e.Detail + ": " + e.Err.Error()
		}
		return "params: " + e.Detail
	}
	var b strings.Builder
	b.WriteString("params: ")
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %s: %s", f.In, f.Name+f.Pointer, f.Detail)
	}
	return b.String()
}

// Unwrap returns the cause, which may be nil.
func (e *Error) Unwrap() error { return e.Err }

// StatusCode returns the HTTP status that answers the request.
func (e *Error) StatusCode() int { return e.Status }

// A TypeError says why a type can't be a handler's input. It is a mistake in
// the program, found when the route is registered.
type TypeError struct {
	Type   string // the input type
	Field  string // the path of the field in it; empty when the type itself is wrong
	Detail string // what is wrong and how to correct it
}

// Error names the type and the field, and says what is wrong with them.
func (e *TypeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("input type %s: %s", e.Type, e.Detail)
	}
	return fmt.Sprintf("input type %s, field %s: %s", e.Type, e.Field, e.Detail)
}
