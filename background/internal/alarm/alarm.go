// Package alarm has one timer for many times.
package alarm

import "time"

// Alarm calls a function at the first of the times that it was set to, and is not set
// to any after that. Its methods are not safe for concurrent use.
type Alarm struct {
	Call func() // on a goroutine of its own; set before the first Set. It has to call Rang

	timer *time.Timer // made when first needed
	rings time.Time   // when it is to call; zero if it is not set
}

// Set has the function called at that time, or at once if that is past, unless it is
// to be called earlier.
func (a *Alarm) Set(at time.Time) {
	if !a.rings.IsZero() && !at.Before(a.rings) {
		return
	}
	a.rings = at
	if a.timer == nil {
		a.timer = time.AfterFunc(time.Until(at), a.Call)
	} else {
		a.timer.Reset(time.Until(at))
	}
}

// Rang notes that the function was called, so that the alarm can be set again, and
// returns how much too late; 0 if it is set and its time has not come, or not set, as it
// may be if it was set to an earlier time just when it rang.
func (a *Alarm) Rang() (late time.Duration) {
	if !a.rings.IsZero() {
		late = max(0, time.Since(a.rings))
	}
	a.rings = time.Time{}
	return late
}

// Stop keeps the function from being called, if it is not under way.
func (a *Alarm) Stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
