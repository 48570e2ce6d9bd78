package web

import (
	"errors"

	"github.com/go-playground/validator/v10"
)

// A Fault is one thing wrong with a request, as told by the peers that leave
// the document to their users.
type Fault struct {
	Field string `json:"field"`
	Rule  string `json:"rule"`
}

// Faults is that document.
type Faults struct {
	Errors []Fault `json:"errors"`
}

// faultsOf collects what go-playground/validator found. Any other error, such
// as malformed JSON, makes it report false.
func faultsOf(errs ...error) (f Faults, ok bool) {
	for _, err := range errs {
		if err == nil {
			continue
		}
		var found validator.ValidationErrors
		if !errors.As(err, &found) {
			return Faults{}, false
		}
		for _, fault := range found {
			f.Errors = append(f.Errors, Fault{fault.Namespace(), fault.Tag()})
		}
	}
	return f, true
}

func newValidator() *validator.Validate {
	return validator.New(validator.WithRequiredStructEnabled())
}
