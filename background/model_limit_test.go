package background_test

import (
	"slices"
	"time"
)

// allows reports whether a limit allows one more job to start now.
func (m *model) allows(l *limit) bool {
	return (l.concurrent == 0 || l.running < l.concurrent) && (l.spacing == 0 || m.saved(l) >= l.spacing)
}

// saved is how much of the time is left in which a limit has jobs start: each takes the
// spacing of it, and no more is kept than the burst takes.
func (m *model) saved(l *limit) time.Duration {
	most := time.Duration(l.burst) * l.spacing
	if l.started.IsZero() {
		return most
	}
	return min(l.saved+m.now.Sub(l.started), most)
}

// allowsAt is when a limit gets its turn by itself: when enough time has gone by, if
// that is all that those who wait for it lack. Zero is never.
func (m *model) allowsAt(l *limit) time.Time {
	if l.spacing == 0 || len(l.parked) == 0 || m.allows(l) ||
		l.concurrent > 0 && l.running == l.concurrent || slices.Contains(m.line, turn{limit: l}) {
		return time.Time{}
	}
	return l.started.Add(l.spacing - l.saved)
}
