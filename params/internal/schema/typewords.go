package schema

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/rules"
)

// typeInWords says what JSON value a type is written as.
func typeInWords(s *Schema) string {
	t := s.Type
	if s.Opaque {
		return rules.ValidValue
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if s.Shape == Leaf {
			return "a text in base64"
		}
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return rules.Integer(t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return rules.Natural(t.Bits())
	case reflect.Interface:
		return "JSON whose numbers fit into 64 bits" // an any refuses nothing but larger numbers
	default:
		return rules.ValidValue
	}
}
