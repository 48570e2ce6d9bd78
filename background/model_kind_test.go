package background_test

import (
	"maps"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background"
)

// of returns the numbers of j's kind.
func (m *model) of(j *job) *background.KindStats {
	if m.kinds[j.kind] == nil {
		m.kinds[j.kind] = &background.KindStats{Kind: j.kind}
	}
	return m.kinds[j.kind]
}

// count counts how long an attempt took that has ended, and how long the job had waited
// for its first one.
func (m *model) count(j *job) {
	if j.kind == "" || j.unmade {
		return
	}
	k := m.of(j)
	add(&k.Durations, m.now.Sub(j.began))
	if j.attempt == 1 {
		add(&k.Waits, j.began.Sub(j.batch.since))
	}
}

func add(h *background.Histogram, d time.Duration) {
	h.Sum += d.Seconds()
	place := 0
	for longest := time.Microsecond; d >= longest && place < len(h.Counts)-1; longest *= 2 {
		place++
	}
	h.Counts[place]++
}

// byKind is what Kinds returns.
func (m *model) byKind() []background.KindStats {
	all := map[string]background.KindStats{}
	for name, k := range m.kinds {
		all[name] = *k
	}
	for _, p := range m.places() {
		k := all[p.job.kind]
		k.Kind = p.job.kind
		switch {
		case p.state == background.Running:
			k.Running++
		case p.state == background.Limited:
			k.Limited++
		case p.state == background.Scheduled:
			k.Scheduled++
		case p.job.attempt > 0:
			k.Retrying++
		default:
			k.Queued++
			since := p.job.batch.since
			if slices.Contains(p.job.batch.due, p.job) {
				since = p.job.until
			}
			k.OldestWaiting = max(k.OldestWaiting, m.now.Sub(since))
		}
		all[k.Kind] = k
	}
	var sorted []background.KindStats
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, all[name])
	}
	return sorted
}
