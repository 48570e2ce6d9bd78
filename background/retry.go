package background

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// Defaults of the fields of [Retry].
const (
	defaultBackoff    = 100 * time.Millisecond
	defaultMaxBackoff = 30 * time.Second
)

// Retry says whether and when a failed [Task] is tried again. The zero value
// means never.
//
// Three kinds of failure are final, whatever Retry says: a panic, since it is a
// mistake in the program and not a passing trouble; an error marked by
// [Permanent]; and any failure once the context around the attempts is done. A
// timeout of a single attempt is a failure like others, and is retried.
type Retry struct {
	// Attempts is how often the task is tried in all, the first time included.
	// With 0 or 1 it is not retried.
	Attempts int

	// Backoff is the wait after the first attempt, which doubles with each
	// further one. Zero means 100 ms.
	//
	// Half of each wait is fixed and half is random (equal jitter), so that
	// tasks which failed together do not come back together: the nth wait is
	// between one half and the whole of Backoff × 2ⁿ⁻¹.
	Backoff time.Duration

	// MaxBackoff bounds the doubled wait. Zero means 30 s.
	// A Backoff above it is cut to it.
	MaxBackoff time.Duration

	// If reports whether a failure is worth another attempt; nil means that
	// every one is. It is called on the goroutine that ran the attempt. A panic
	// in it ends the retries and is added to the task's error.
	If func(error) bool
}

// Permanent marks err as final: a task that returns it, also wrapped, is not
// tried again. The mark is invisible otherwise: the message stays the same, and
// errors.Is and errors.As see err. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// validate names the field which is wrong.
func (r *Retry) validate() error {
	switch {
	case r.Attempts < 0:
		return fmt.Errorf("Retry.Attempts is %d, it cannot be negative", r.Attempts)
	case r.Backoff < 0:
		return fmt.Errorf("Retry.Backoff is %s, it cannot be negative", r.Backoff)
	case r.MaxBackoff < 0:
		return fmt.Errorf("Retry.MaxBackoff is %s, it cannot be negative", r.MaxBackoff)
	}
	return nil
}

// wants reports whether a task that failed with err is worth another attempt.
// It returns err, joined with the panic of If if there was one.
func (r *Retry) wants(err error) (again bool, _ error) {
	if _, final := find[*permanentError](err); final || isPanic(err) {
		return false, err
	}
	if r.If == nil {
		return true, err
	}
	return r.ask(err)
}

// ask calls the user's If, which may panic as any code may.
func (r *Retry) ask(failure error) (again bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			again, err = false, errors.Join(failure, &PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	return r.If(failure), failure
}

// wait returns how long to wait after the given attempt, counted from 1.
func (r *Retry) wait(attempt int) time.Duration {
	longest := cmp.Or(r.MaxBackoff, defaultMaxBackoff)
	d := min(cmp.Or(r.Backoff, defaultBackoff), longest)
	for range attempt - 1 {
		if d > longest/2 { // compared this way round, doubling cannot overflow
			d = longest
			break
		}
		d *= 2
	}
	return d - rand.N(d/2+1)
}
