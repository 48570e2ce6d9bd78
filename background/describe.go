package background

import (
	"reflect"
	"time"
)

// A KindDescription says what the tasks of a [Kind] do unless they say otherwise, for
// those who describe a service.
type KindDescription struct {
	Name     string
	Argument reflect.Type
	Timeout  time.Duration // of an attempt; 0 means the runner's
	Retry    Retry
}

// Describe describes the kind.
func (k Kind[A]) Describe() KindDescription {
	return KindDescription{k.kind.Kind, reflect.TypeFor[A](), k.kind.timeout, k.kind.retry}
}
