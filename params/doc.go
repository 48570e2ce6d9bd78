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
// The sources are path, query, header, cookie, form (urlencoded or multipart)
// and body. A field is filled from its own source only, and a request has either
// a form or a JSON body. A field with the tag provide has none: the program fills it,
// see [Plan.Provided]. The fields of an embedded struct count as fields of the
// input, so many inputs can share a struct of paging fields. A type without any
// source tag is the JSON body itself.
//
// # Values
//
// A field that is not the body is a string, a bool, a number, a [time.Time]
// (RFC 3339), a [time.Duration], a type with UnmarshalText, a named type of
// these, a pointer to one (nil when absent) or a slice of one (each repetition is
// an element). A [Date], a [Duration], a [Checkbox] and an [Optional] are values, too. A
// field of a form may also be a [File]. Everything decoded is a copy: nothing refers to
// the request's memory.
//
// The default tag has the value of a parameter, or of a member of a JSON body, that is
// absent.
//
// # Validation
//
// The rules of validate tags are those of go-playground/validator, with two
// differences. Required means present: {"qty":0} and ?qty=0 are present; an
// absent key and a JSON null are not. And the rules inside a struct hold wherever
// the struct is, also in lists and maps, without dive; rules on the elements
// themselves follow dive.
//
// All other rules see the zero value of an absent field; put omitempty first to
// skip them then. A struct in a body is judged even when it is absent, as if {}
// had been sent; a pointer or omitempty makes it optional.
//
// [Compile] refuses a rule that can't work, that no value can keep, or that does
// nothing, as far as the tag and the type show it, and says what to write
// instead. It also refuses tags that JSON would ignore in silence.
//
// One [Error] tells all faults of a request, up to [MaxFaults].
//
// # Limits
//
// Inside a type that has an UnmarshalJSON or UnmarshalText of its own, rules see
// only the decoded value, so required means not zero there.
// Functions registered with RegisterStructValidation are not called: register
// a rule and name it in a tag, or make the type a [Validatable].
//
// # Concurrency
//
// [Compile] makes a [Plan] once; any number of goroutines may use it at once.
package params
