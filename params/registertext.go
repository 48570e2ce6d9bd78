package params

import (
	"reflect"

	"github.com/go-playground/validator/v10"

	"github.com/velithon-go/velithon/params/internal/rules"
)

// RegisterText sets what a client is told about a value that breaks a rule: one
// of the service's own, an alias, or one of the validator's. The text goes on
// after the name of a field, as "must be a SKU of eight characters" does. In it
// {param} stands for the rule's parameter as the tag has it, and {field} for the
// client's name of the field that the parameter names.
//
// Register the rule first, and both before the first route. RegisterText panics
// on a rule that v does not know, on "required", whose text is that of
// [CodeRequired], and on an empty text.
func RegisterText(v *validator.Validate, rule, text string) { rules.RegisterText(v, rule, text) }

// RegisterTypeText sets what a client is told about a value that is no T: of
// which the UnmarshalText or UnmarshalJSON of T has returned an error, or that
// has another JSON type. The error's own text is not shown, since it may have
// the value. The text goes on after the name of a field, as "must be a colour
// such as #ff8800" does.
//
// Register it before the first route. RegisterTypeText panics on an empty text.
func RegisterTypeText[T any](v *validator.Validate, text string) {
	rules.RegisterTypeText(v, reflect.TypeFor[T](), text)
}
