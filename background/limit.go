package background

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/velithon-go/velithon/background/internal/schedule"
)

// LimitOptions say what a [Limit] allows: Concurrent, PerSecond, or both.
type LimitOptions struct {
	// Concurrent is how many of its tasks run at once. Zero means no limit.
	Concurrent int

	// PerSecond is how many attempts start in a second, in the long run, as
	// 0.5 for one in two seconds. Zero means no limit.
	PerSecond float64

	// Burst is how many of these may start at once, after a time in which fewer
	// did. Zero means 1: they start at equal distances.
	Burst int
}

// A Limit is what tasks share that may not all run at once, such as those of one
// kind, or all that call one service. It is given to [Define] or [Task.WithLimit].
// Each [Runner] keeps it for its own tasks. A Limit is made by [NewLimit], and safe
// for concurrent use.
//
// A task whose limit is used up holds no worker, and is in nobody's way: those who
// wait for a limit start in their order, and take turns with other work as a
// collection does. Each attempt counts. A task keeps its place in the queue until it
// starts, and in a collection it is one of the MaxConcurrent. A Shutdown waits for it
// as long as there is time.
type Limit struct {
	limit   schedule.Limit
	options LimitOptions
}

// NewLimit returns a limit. It panics if an option is out of range, or nothing is
// limited.
func NewLimit(options LimitOptions) *Limit {
	if err := options.validate(); err != nil {
		panic("background: NewLimit: " + err.Error())
	}
	return &Limit{
		limit:   schedule.NewLimit(options.Concurrent, options.PerSecond, cmp.Or(options.Burst, 1)),
		options: options,
	}
}

func (o *LimitOptions) validate() error {
	switch {
	case o.Concurrent < 0:
		return fmt.Errorf("LimitOptions.Concurrent is %d, it cannot be negative", o.Concurrent)
	case o.PerSecond != 0 && (math.IsNaN(o.PerSecond) || o.PerSecond < 1.0/86400 || o.PerSecond > 1e6):
		return fmt.Errorf("LimitOptions.PerSecond is %v, it has to be 0, or from one a day (1.0 / 86400) to a million", o.PerSecond)
	case o.Burst < 0 || o.Burst > 1e6:
		return fmt.Errorf("LimitOptions.Burst is %d, it has to be from 0 to a million", o.Burst)
	case o.Burst > 0 && o.PerSecond == 0:
		return errors.New("LimitOptions.Burst goes with PerSecond, which is 0")
	case o.Concurrent == 0 && o.PerSecond == 0:
		return errors.New("set LimitOptions.Concurrent or PerSecond: nothing is limited")
	}
	return nil
}

func (l *Limit) applyTo(s *settings) error {
	if !l.isMade() {
		return errors.New("a limit is nil or zero: make it by NewLimit")
	}
	s.setLimit(l)
	return nil
}

// isMade reports whether l is neither nil nor zero.
func (l *Limit) isMade() bool { return l != nil && l.limit != schedule.Limit{} }
