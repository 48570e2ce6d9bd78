package params

import (
	"reflect"

	"github.com/go-playground/validator/v10"

	"github.com/velithon-go/velithon/params/internal/rules"
)

// RegisterText sets what a client is told about a value that breaks a rule. The
// rule may be the service's own, an alias, or one of the validator's. The text
// continues a sentence that begins with the name of a field, such as "must be a SKU
// of eight characters". In it {param} stands for the rule's parameter as the tag has
// it, and {field} for the client's name of the field that the parameter names.
//
// Register the rule first, and both before the first route. RegisterText panics if
// v does not know the rule, if the text is empty, and if the rule is "required",
// whose text can't be changed.
func RegisterText(v *validator.Validate, rule, text string) { rules.RegisterText(v, rule, text) }

// RegisterTypeText sets what a client is told about a value that is no T: the
// UnmarshalText or UnmarshalJSON of T has returned an error for it, or it has
// another JSON type. The text of that error is not shown, since it may contain the
// value. The text continues a sentence that begins with the name of a field, such as
// "must be a colour such as #ff8800".
//
// Register it before the first route. RegisterTypeText panics on an empty text.
func RegisterTypeText[T any](v *validator.Validate, text string) {
	rules.RegisterTypeText(v, reflect.TypeFor[T](), text)
}
