package dashboard

import (
	"context"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
)

// A plot has so many samples, at such distances.
const (
	sampleEvery = 5 * time.Second
	samplesKept = 61
	rateOver    = time.Minute
)

// overview returns the numbers of now, or of less than a second ago.
func (p *page) overview(ctx context.Context) (*sample, error) {
	made, err := p.views.get(ctx, "overview", func(ctx context.Context) (any, error) {
		o, err := p.source.Overview(ctx)
		if err != nil {
			return nil, err
		}
		now := &sample{at: time.Now(), Overview: o, kinds: make(map[string]*Kind, len(o.Kinds))}
		for i := range o.Kinds {
			now.kinds[o.Kinds[i].Name] = &o.Kinds[i]
		}
		p.history.add(now)
		return now, nil
	})
	if err != nil {
		return nil, err
	}
	return made.(*sample), nil
}

// A sample is the numbers of a moment, which do not change any more.
type sample struct {
	Overview

	at    time.Time
	kinds map[string]*Kind
}

// of returns the numbers of a kind, or of all tasks.
func (s *sample) of(kind *string) *Numbers {
	if kind == nil {
		return &s.Numbers
	}
	if k := s.kinds[*kind]; k != nil {
		return &k.Numbers
	}
	return &Numbers{}
}

// accepted returns how many tasks ever were.
func (s *sample) accepted(kind *string) uint64 {
	if kind == nil {
		return s.Accepted
	}
	n := s.of(kind)
	return n.Ended() + uint64(n.Open())
}

// history is the samples of the last minutes, the oldest first.
type history struct {
	mu      sync.Mutex // guards samples
	samples []*sample
}

// add keeps a sample if its time has come.
func (h *history) add(s *sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.samples); n > 0 && s.at.Sub(h.samples[n-1].at) < sampleEvery-fresh/4 {
		return
	}
	h.samples = append(h.samples, s)
	if len(h.samples) > samplesKept {
		h.samples = append([]*sample(nil), h.samples[1:]...)
	}
}

// lastKinds returns the kinds of the last sample.
func (h *history) lastKinds() []Kind {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == 0 {
		return nil
	}
	return h.samples[len(h.samples)-1].Kinds
}

// before returns the samples that are older than s but not older than the last minutes, the
// oldest first, with s at their end.
func (h *history) before(s *sample) (all []*sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, old := range h.samples {
		if old.at.Before(s.at) && s.at.Sub(old.at) <= samplesKept*sampleEvery {
			all = append(all, old)
		}
	}
	return append(all, s)
}

// rates are how many tasks came and ended in a second, lately.
type rates struct{ In, Out, Failed float64 }

// ratesOf returns those between two samples.
func ratesOf(from, to *sample, kind *string) rates {
	seconds := to.at.Sub(from.at).Seconds()
	if seconds <= 0 {
		return rates{}
	}
	a, b := from.of(kind), to.of(kind)
	per := func(from, to uint64) float64 { // a task that was seen twice or not at all may make it less
		if to < from {
			return 0
		}
		return float64(to-from) / seconds
	}
	return rates{per(from.accepted(kind), to.accepted(kind)), per(a.Ended(), b.Ended()), per(a.Failed, b.Failed)}
}

// lately returns the rates of the last minute.
func lately(all []*sample, kind *string) rates {
	last := all[len(all)-1]
	first := last
	for i := len(all) - 1; i >= 0 && last.at.Sub(all[i].at) <= rateOver+sampleEvery; i-- {
		first = all[i]
	}
	return ratesOf(first, last, kind)
}

// since returns what a histogram has counted since another one.
func since(then, now *background.Histogram) (h background.Histogram) {
	for i := range h.Counts {
		if now.Counts[i] >= then.Counts[i] {
			h.Counts[i] = now.Counts[i] - then.Counts[i]
		}
	}
	return h
}
