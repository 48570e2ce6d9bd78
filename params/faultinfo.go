package params

import "reflect"

// A FaultInfo is a [Fault] with what was asked of the value, for a function that gives
// faults other texts or translates them.
type FaultInfo struct {
	Fault // as the client is told it otherwise

	// Rule is the rule that is broken, such as "min"; if Code is an alias, one of the
	// rules in it. Of alternatives it has all names, as in "email|url". If no rule is
	// broken, it is the Code, such as [CodeType].
	Rule string

	// Param is the parameter of the rule as the tag has it, such as "10" or "web app".
	// Fields have the names that the client knows. Alternatives have none.
	Param string

	// Type is the type of the value that is judged, without pointers: that of what a
	// list has, of a value in a list. It is nil for a name that is unknown, and where
	// nothing is known of the value.
	Type reflect.Type

	// Index is the place of the value in a parameter that has many, from 1; 0 for others.
	Index int

	// Key says that the fault is that of a map's key, which Pointer ends with.
	Key bool
}

// Kind returns the kind of Type, reflect.Invalid without one. Lengths are those of a
// String, a Slice, an Array and a Map; a time.Time is a Struct.
func (f FaultInfo) Kind() reflect.Kind {
	if f.Type == nil {
		return reflect.Invalid
	}
	return f.Type.Kind()
}

// Reword returns a copy of e in which each fault has the Detail that text returns for it;
// with "" it keeps its own. text is called in the order of the faults.
func (e *Error) Reword(text func(FaultInfo) string) *Error {
	reworded := *e
	reworded.Faults = make([]Fault, len(e.Faults))
	for i, fault := range e.Faults {
		if told := text(e.info(i)); told != "" {
			fault.Detail = told
		}
		reworded.Faults[i] = fault
	}
	return &reworded
}

// info returns all that is known of a fault.
func (e *Error) info(i int) FaultInfo {
	f := FaultInfo{Fault: e.Faults[i], Rule: e.Faults[i].Code}
	if i >= len(e.found) {
		return f
	}
	found := &e.found[i]
	f.Index, f.Key = found.Index, found.Key
	if b := found.Broken; b != nil {
		f.Rule, f.Param, f.Type = b.Rule, b.Param, b.Type
	}
	for f.Type != nil && f.Type.Kind() == reflect.Pointer {
		f.Type = f.Type.Elem()
	}
	return f
}
