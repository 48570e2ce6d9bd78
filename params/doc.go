// Package params fills a handler's input from a request and validates it.
//
// An input type is a struct whose fields are the handler's arguments; the tag
// of a field says where its value comes from:
//
//	type UpdateOrder struct {
//		Shop  string     `path:"shop"`
//		Limit int        `query:"limit" default:"20" validate:"min=1,max=100"`
//		Since *time.Time `query:"since"` // nil when absent
//		Tags  []string   `query:"tag"`   // repeated: ?tag=a&tag=b
//		Trace string     `header:"X-Trace"`
//		Theme string     `cookie:"theme"`
//		Order Order      `body:"" validate:"required"` // the JSON body
//	}
//
// The sources are path, query, header, cookie, form (urlencoded and multipart)
// and body; they never mix, and a request has a form or a JSON body. Embedded
// structs are flattened, so that a shared struct of paging fields can be part
// of many inputs. A type without any source tag is the JSON body itself.
//
// # Values
//
// A field is a string, a bool, a number, a [time.Time] (RFC 3339), a
// [time.Duration], a type with UnmarshalText, a named type of these, a pointer
// to one (nil when absent) or a slice of one (each repetition is an element).
// Everything decoded is a copy: nothing refers to the request's memory.
//
// # Validation
//
// The rules of validate tags are those of go-playground/validator, with two
// differences. Required means present: {"qty":0} and ?qty=0 are present; an
// absent key and a JSON null are not. And the rules inside structs hold wherever
// the structs are, also in lists and maps, without dive; rules on the elements
// themselves follow dive.
//
// All other rules see the zero value of an absent field; put omitempty first to
// have them skipped. A struct in a body is judged even when it is absent, as if
// it had been sent empty; a pointer to one, or omitempty, makes it optional.
//
// A rule that can't work, that no value can keep, or that never says anything is
// an error of [Compile], with what to write instead, as far as the tag and the
// type tell it. So are tags that JSON would leave out in silence.
//
// A request is told all its faults at once, in one [Error].
//
// # Limits
//
// Rules inside a type that has an UnmarshalJSON or UnmarshalText of its own
// are judged by its value alone, so that required means not zero there.
// Functions registered with RegisterStructValidation are not called: register
// a rule and name it in a tag.
//
// # Concurrency
//
// [Compile] makes a [Plan] once; a Plan is safe for any number of goroutines.
package params
