package background

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/velithon-go/velithon/background/internal/guard"
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
	Attempts int `json:",omitzero"`

	// Backoff is the wait after the first attempt, which doubles with each
	// further one. Zero means 100 ms. Half of each wait is random (equal jitter),
	// so that tasks which failed together do not come back together: the nth is
	// between one half and the whole of Backoff × 2ⁿ⁻¹.
	Backoff time.Duration `json:",omitzero"`

	// MaxBackoff bounds the doubled wait, and Backoff too. Zero means 30 s.
	MaxBackoff time.Duration `json:",omitzero"`

	// If reports whether a failure is worth another attempt; nil means that
	// every one is. It is called on the goroutine that ran the attempt. A panic
	// in it ends the retries and is added to the task's error.
	If func(error) bool `json:"-"`

	// Delay says how long to wait after an attempt that failed with err, counted
	// from 1, in place of Backoff; nil means Backoff. Less than zero counts as zero.
	// It is called as If is.
	Delay func(attempt int, err error) time.Duration `json:"-"`

	// MaxElapsed is the time for all attempts and the waits between them, from the
	// beginning of the first attempt. The context of an attempt is done then, and
	// one that could only begin later is not waited for: the task has failed. One that
	// a [Limit] or the workers hold up until then is not made when its turn comes. Zero
	// means no limit.
	MaxElapsed time.Duration `json:",omitzero"`
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

type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

// RetryAfter marks err with the time after which a task that returns it, also
// wrapped, is tried again, if it is: whoever refused it has said so, by a Retry-After
// for instance. It counts in place of [Retry.Backoff] and Delay, and MaxBackoff does not
// bound it; less than zero counts as zero. Of several marks the outermost counts, but
// [Permanent] goes before. The mark is as invisible. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, d}
}

type retryAfterError struct {
	error
	wait time.Duration
}

func (e *retryAfterError) Unwrap() error { return e.error }

// Attempt returns at which attempt the task is whose context ctx is, counted from
// 1; and 1 if it is that of no task.
func Attempt(ctx context.Context) int {
	if attempt, ok := ctx.Value(attemptKey).(int); ok {
		return attempt
	}
	return 1
}

func withAttempt(ctx context.Context, number int) context.Context {
	return context.WithValue(ctx, attemptKey, number)
}

// forFirstAttempt returns ctx without the number of the attempt at the task that runs
// another with it.
func forFirstAttempt(ctx context.Context) context.Context {
	if Attempt(ctx) > 1 {
		return withAttempt(ctx, 1)
	}
	return ctx
}

// validate names the field which is wrong.
func (r Retry) validate() error {
	switch {
	case r.Attempts < 0:
		return fmt.Errorf("Retry.Attempts is %d, it cannot be negative", r.Attempts)
	case r.Backoff < 0:
		return fmt.Errorf("Retry.Backoff is %s, it cannot be negative", r.Backoff)
	case r.MaxBackoff < 0:
		return fmt.Errorf("Retry.MaxBackoff is %s, it cannot be negative", r.MaxBackoff)
	case r.MaxElapsed < 0:
		return fmt.Errorf("Retry.MaxElapsed is %s, it cannot be negative", r.MaxElapsed)
	}
	return nil
}

// withFunctionsOf returns r with those of a kind's functions that it does not have.
func (r Retry) withFunctionsOf(kind Retry) Retry {
	if r.If == nil {
		r.If = kind.If
	}
	if r.Delay == nil {
		r.Delay = kind.Delay
	}
	return r
}

// next says whether a task that failed is worth a further attempt, and how long to
// wait before it. It returns the failure, joined with a panic of If or Delay.
func (r Retry) next(attempt int, failure error) (wait time.Duration, again bool, err error) {
	if _, final := guard.As[*permanentError](failure); final || panicOf(failure) != nil {
		return 0, false, failure
	}
	defer func() { // If and Delay may panic as any code may
		if v := recover(); v != nil {
			again, err = false, errors.Join(failure, newPanicError(v))
		}
	}()
	if r.If != nil && !r.If(failure) {
		return 0, false, failure
	}
	return max(r.waitFor(attempt, failure), 0), true, failure
}

func (r Retry) waitFor(attempt int, err error) time.Duration {
	if asked, ok := guard.As[*retryAfterError](err); ok {
		return asked.wait
	}
	if r.Delay != nil {
		return r.Delay(attempt, err)
	}
	return r.wait(attempt)
}

// wait is waitFor by MaxBackoff and Backoff alone.
func (r Retry) wait(attempt int) time.Duration {
	d := cmp.Or(r.MaxBackoff, 30*time.Second)
	if first := cmp.Or(r.Backoff, 100*time.Millisecond); first <= d>>(attempt-1) { // this way round it can't overflow
		d = first << (attempt - 1)
	}
	return d - rand.N(d/2+1)
}
