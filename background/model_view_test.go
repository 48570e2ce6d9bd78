package background_test

import (
	"time"

	"github.com/velithon-go/velithon/background"
)

// view is what Tasks yields: all that has not ended, with what is known of it.
func (m *model) view() (all []sight) {
	for _, p := range m.places() {
		j := p.job
		s := sight{
			name: j.name, kind: j.kind, state: p.state, attempt: j.attempt,
			call: j.batch.call.id(), since: j.batch.since,
		}
		if p.state == background.Running && j.kind != "" {
			s.since = j.began
		}
		if h := j.tracked; h != nil {
			if h.state.Ended() {
				continue
			}
			s.id, s.since = h.real.ID(), h.since
		}
		if p.state == background.Scheduled || p.state == background.Retrying {
			s.due = j.until
		}
		all = append(all, s)
	}
	return all
}

// place is where a job is that was accepted and has not ended.
type place struct {
	job   *job
	state background.State // what it waits for, or that it runs
}

// places returns those of all jobs.
func (m *model) places() (all []place) {
	add := func(state background.State, jobs ...*job) {
		for _, j := range jobs {
			all = append(all, place{j, state})
		}
	}
	for _, b := range m.batches {
		add(background.Waiting, b.waiting...)
		add(background.Waiting, b.due...)
	}
	for _, j := range m.retrying {
		if j.attempt == 0 {
			add(background.Scheduled, j)
		} else {
			add(background.Retrying, j)
		}
	}
	for _, l := range m.limits {
		add(background.Limited, l.parked...)
	}
	add(background.Running, m.running...)
	return all
}

// sight is a task as Tasks shows it.
type sight struct {
	name, id string
	kind     string
	state    background.State
	attempt  int
	call     any // with the values of whose context it runs
	since    time.Time
	due      time.Time // as long as it waits for that
}
