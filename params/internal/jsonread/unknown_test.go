package jsonread

import (
	"bytes"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// strictOf is planOf for a plan that rejects unknown keys.
func strictOf(t *testing.T, input reflect.Type) plan {
	t.Helper()
	schemas := schema.NewCompiler(rules.NewCompiler(validator.New(validator.WithRequiredStructEnabled())))
	schemas.RejectUnknown = true
	root, err := schemas.Of(input)
	require.NoError(t, err, "%v", input)
	schemas.Finish()
	return plan{input, root, schema.BodyPrecheck(root, nil), New(root)}
}

// A reader doubts what encoding/json's DisallowUnknownFields refuses, and the walk tells
// a fault for it, and for nothing else. Over generated types and bodies.
func TestUnknownKeysAgainstTheStandardDecoder(t *testing.T) {
	const types, bodies = 200, 100
	unknown, doubted := 0, 0
	for seed := range uint64(types) {
		g := newGenerator(seed)
		plan := strictOf(t, g.structType(3))
		for range bodies {
			text := []byte(strings.Trim(string(g.body(plan.input)), " \t\r\n"))
			want := isUnknownToTheStandard(text, plan.input)
			value := reflect.New(plan.input)
			doubtful, ok := plan.reader.Read(text, memory.Of(value))
			if want && ok {
				doubted++
				require.True(t, doubtful, "%s\n%v", text, plan.input)
			}
			if !utf8.Valid(text) || stdjson.Unmarshal(text, reflect.New(plan.input).Interface()) != nil {
				continue
			}
			faults := schema.CheckBody(0, plan.schema, nil, memory.Of(value), string(text), nil)
			got := slices.ContainsFunc(faults, func(f schema.Fault) bool { return f.Code == schema.CodeUnknown })
			require.Equal(t, want, got, "%s\n%v", text, plan.input)
			if want {
				unknown++
			}
		}
	}
	assert.Greater(t, unknown, 200, "so many bodies had an unknown key")
	assert.Greater(t, doubted, 100, "so many of them were read")
}

// isUnknownToTheStandard reports whether a body is refused for a key that is unknown.
func isUnknownToTheStandard(text []byte, t reflect.Type) bool {
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(reflect.New(t).Interface())
	return err != nil && strings.HasPrefix(err.Error(), "json: unknown field ")
}
