package background_test

import "github.com/velithon-go/velithon/background"

// The model's numbers.

// numbers is what Stats returns.
func (m *model) numbers() background.Stats {
	s := background.Stats{Accepted: m.accepted, Rejected: m.rejected}
	for _, k := range m.kinds {
		s.Succeeded += k.Succeeded
		s.Failed += k.Failed
		s.Panicked += k.Panicked
		s.Retried += k.Retried
		s.Skipped += k.Skipped
		s.Abandoned += k.Abandoned
	}
	s.Running = len(m.running)
	for _, j := range m.retrying {
		if j.attempt > 0 {
			s.Retrying++
		} else {
			s.Scheduled++
		}
	}
	for _, l := range m.limits {
		s.Limited += len(l.parked)
	}
	s.Blocked = len(m.blocked)
	for _, c := range m.blocked {
		s.OldestWaiting = max(s.OldestWaiting, m.now.Sub(c.since))
	}
	for _, b := range m.batches {
		s.Queued += len(b.waiting)
		for _, j := range b.due {
			if j.attempt > 0 {
				s.Retrying++
			} else {
				s.Queued++
				s.OldestWaiting = max(s.OldestWaiting, m.now.Sub(j.until))
			}
		}
		if len(b.waiting) > 0 {
			s.OldestWaiting = max(s.OldestWaiting, m.now.Sub(b.since))
		}
	}
	return s
}
