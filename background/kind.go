package background

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon/background/internal/recordable"
)

// A Kind is what tasks have in common that call one function: a name which stays
// the same from one version of a program to the next, and what they do unless they
// say otherwise. It is made by [Define]; the zero value is not usable. A Kind never
// changes, and is safe for concurrent use.
type Kind[A any] struct {
	kind *kind
	f    func(context.Context, A) error
}

// kind is what a [Kind] is for those who do not know its argument. Kind among its terms is
// its name.
type kind struct {
	settings
	place string                    // where it was defined
	known atomic.Pointer[kindNames] // that of a runner which has met it
}

// A KindOption says what the tasks of a [Kind] do unless they say otherwise: a
// [Timeout], a [Retry] or a [*Limit]. Of two of one type the last counts.
type KindOption interface {
	applyTo(s *settings) error
}

// Timeout limits each attempt of the tasks of a [Kind]. Zero means the default of
// the [Runner]. See [Task.WithTimeout].
type Timeout time.Duration

func (d Timeout) applyTo(s *settings) error {
	if d < 0 {
		return fmt.Errorf("the timeout of %s is negative", time.Duration(d))
	}
	s.timeout = time.Duration(d)
	return nil
}

func (r Retry) applyTo(s *settings) error {
	s.setRetry(r)
	return r.validate()
}

// Define returns the kind of tasks that call f.
//
// The argument of a task can be written as JSON and read again, see [Task.Record].
// Define panics if that would lose a part of it, and says which: a field that is not
// exported, unless its tag is json:"-", an interface, a function or a channel, one of two
// members with one name, what has its own way to be written and none to be read. It
// panics too if the name is empty, f is nil, or an option is out of range.
//
// A kind is defined once, as a variable or as a field of what f is a method of. A
// [Runner] panics when it is given tasks of two kinds with one name.
func Define[A any](name string, f func(context.Context, A) error, options ...KindOption) Kind[A] {
	k := &kind{}
	k.kind, k.Kind = k, name
	if _, file, line, ok := runtime.Caller(1); ok {
		k.place = fmt.Sprintf("%s:%d", file, line)
	}
	if err := k.define(f == nil, reflect.TypeFor[A](), options); err != nil {
		panic(fmt.Sprintf("background: Define %q%v", name, err))
	}
	return Kind[A]{k, f}
}

func (k *kind) define(isNil bool, argument reflect.Type, options []KindOption) error {
	switch {
	case k.Kind == "":
		return errors.New(" needs a name")
	case isNil:
		return errors.New(" needs a function, got nil")
	}
	for i, option := range options {
		if option == nil {
			return fmt.Errorf(": option %d is nil", i+1)
		}
		if err := option.applyTo(&k.settings); err != nil {
			return fmt.Errorf(": %w", err)
		}
	}
	if err := recordable.Check(argument); err != nil {
		return fmt.Errorf(": %w", err)
	}
	return nil
}

// kindNames keeps the names of kinds apart: with a record a name is all that tells
// which function is meant.
type kindNames struct {
	mu     sync.Mutex // guards byName
	byName map[string]*kind
}

// meet panics if a task has the name of another kind.
func (n *kindNames) meet(t *Task) {
	k := t.kind()
	if k == nil || k.known.Load() == n {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if other := n.byName[k.Kind]; other != nil && other != k {
		panic(fmt.Sprintf("background: the runner has tasks of two kinds %q, defined at %s and at %s: define it once, or give one another name",
			k.Kind, other.place, k.place))
	}
	n.byName[k.Kind] = k
	k.known.Store(n)
}

// Name returns the name that was given to [Define].
func (k Kind[A]) Name() string { return k.kind.Kind }

// Task returns a task that calls the kind's function with arg. The argument is
// kept by value, see [NewTask].
func (k Kind[A]) Task(arg A) *Task {
	t := &taskOfKind[A]{kind: k, arg: arg}
	t.task.call, t.task.settings = t, &k.kind.settings
	return &t.task
}

// taskOfKind is a task with its argument and its kind.
type taskOfKind[A any] struct {
	task Task
	kind Kind[A]
	arg  A
}

func (t *taskOfKind[A]) invoke(ctx context.Context) error { return t.kind.f(ctx, t.arg) }
func (t *taskOfKind[A]) name() string                     { return t.kind.kind.Kind }
func (t *taskOfKind[A]) argument() ([]byte, error)        { return json.Marshal(&t.arg) }

// A Record is a task of a [Kind] as it can be stored, as JSON for instance. The
// functions of a [Retry] and a [Limit] can't be: a task that is restored has those of
// its kind. Its attempts are counted anew, and so is the time of [Task.After].
type Record struct {
	Kind     string          `json:"kind"`
	Argument json.RawMessage `json:"argument"`
	Name     string          `json:"name,omitempty"`    // that was set by Named
	Timeout  time.Duration   `json:"timeout,omitempty"` // in nanoseconds
	Retry    Retry           `json:"retry,omitzero"`
	After    time.Duration   `json:"after,omitempty"` // in nanoseconds
	At       time.Time       `json:"at,omitzero"`

	// Values are what a [Store] keeps besides, see [Origin].
	Values map[string]string `json:"values,omitempty"`
}

// Record returns what has to be stored of a task to make it again by its kind, see
// [Kind.Restore]. It fails if the task was not made by a kind, if its Retry has functions
// of its own, if its limit is not the kind's, or if the argument has a value that JSON
// does not know, such as NaN. In texts that are not UTF-8 what is wrong is replaced.
func (t *Task) Record() (Record, error) {
	t.mustBeMade()
	if why := t.whyNotRecordable(); why != "" {
		return Record{}, fmt.Errorf("background: task %q can't be recorded: %s", t.Name(), why)
	}
	s := t.settings
	argument, err := t.call.(recordableCall).argument()
	if err != nil {
		return Record{}, fmt.Errorf("background: the argument of task %q can't be recorded: %w", t.Name(), err)
	}
	r := Record{Kind: s.Kind, Argument: argument, Name: t.name, Timeout: s.timeout, Retry: s.retry, After: s.After, At: s.At}
	r.Retry.If, r.Retry.Delay = nil, nil
	return r, nil
}

// A recordableCall is the call of a task that a kind has made.
type recordableCall interface{ argument() ([]byte, error) }

// whyNotRecordable says why the task can't be recorded; "" if it can.
func (t *Task) whyNotRecordable() string {
	s := t.settings
	if _, ok := t.call.(recordableCall); !ok {
		return "only a task of a Kind can"
	}
	switch {
	case s.hasFunctions:
		return "its Retry has an If or Delay of its own: give them to Define, or return Permanent or RetryAfter"
	case s.limit != s.kind.limit:
		return "it has not the limit of its kind"
	}
	return ""
}

// Restore returns the task of a record, which [Task.Record] has made of a task of
// this kind.
func (k Kind[A]) Restore(r Record) (*Task, error) {
	if r.Kind != k.Name() {
		return nil, fmt.Errorf("background: a record of %q is not one of kind %q", r.Kind, k.Name())
	}
	s := k.kind.settings
	arg, err := recordable.Read[A](r.Argument)
	if err = cmp.Or(err, Timeout(r.Timeout).applyTo(&s), r.Retry.applyTo(&s)); err != nil {
		return nil, fmt.Errorf("background: restore a task of kind %q: %w", k.Name(), err)
	}
	s.setRetry(s.retry.withFunctionsOf(k.kind.retry))
	s.After, s.At = max(r.After, 0), r.At
	t := k.Task(arg)
	t.name, t.settings = r.Name, &s
	return t, nil
}
