package rules

import (
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// A Broken is what is told of a value that breaks a rule, and what was asked of it. It is
// only to be read.
type Broken struct {
	Code, Detail string       // for the client
	Rule, Param  string       // as the tag has them, but with the client's names of fields; alternatives have no parameter
	Type         reflect.Type // what the rule judges; nil if that is not known
}

// Lacking returns what is told of a value of type t that is required and absent.
func Lacking(t reflect.Type) *Broken {
	return &Broken{Code: codeRequired, Detail: "is required", Rule: codeRequired, Type: t}
}

// codeRequired is the code of a value that is absent.
const codeRequired = "required"

// Mistyped returns what is told of a value that is no t.
func Mistyped(t reflect.Type, detail string) *Broken {
	return &Broken{Code: CodeType, Detail: detail, Rule: CodeType, Type: t}
}

// told returns what is told of a broken rule, as the tag has it, for a value of type t. The
// code is the alias that the rule is from, if there is one.
func (j *judged) told(rule string, t reflect.Type) *Broken {
	told := &Broken{Code: codeOf(rule), Rule: codeOf(rule), Type: kind.Deref(t)}
	if name, param, given := strings.Cut(rule, "="); given && name == told.Rule {
		told.Param = j.words.param(name, unescapeParam(param), t)
	}
	alias := j.aliases[rule]
	if alias != "" {
		told.Code = alias
	}
	if j.words.texts.ofRule(alias) != "" || formatWords[alias] != "" {
		rule = alias
	}
	told.Detail = j.words.describe(rule, t)
	return told
}

// param returns the parameter of a rule with the client's names of fields.
func (w words) param(rule, param string, t reflect.Type) string {
	d := catalog[rule]
	fields := splitArgument(param)
	switch {
	case d.argument == aField, d.argument == maybeField && param != "" && !kind.IsList(kind.Deref(t)):
		return w.of(param)
	case d.argument == someFields:
		return w.list(fields, " ")
	case d.argument == fieldsAndValues:
		for i := 0; i < len(fields); i += 2 {
			fields[i] = w.of(fields[i])
		}
		return strings.Join(fields, " ")
	default:
		return param
	}
}
