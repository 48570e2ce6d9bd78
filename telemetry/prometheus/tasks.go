package prometheus

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/velithon-go/velithon/background"
)

// queueTimeout is how long the database of a durable queue may take to count its tasks.
const queueTimeout = 3 * time.Second

// noKind is the kind of the tasks that have none.
const noKind = "none"

// A counting queue is a store that knows the numbers of its tasks, as a durable.Queue does.
type countingQueue interface {
	// Kinds returns the numbers of each kind, those of the process also with an error.
	Kinds(ctx context.Context) ([]background.KindStats, error)
}

// tasks collects the numbers of a runner, and of its store if that has some.
type tasks struct {
	runner *background.Runner
	queue  countingQueue // nil for none

	wait, duration, ended, panics, retries, now, oldest, rejected, blocked, full, up *prometheus.Desc
}

func newTasks(runner *background.Runner) *tasks {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("velithon_"+name, help, labels, nil)
	}
	t := &tasks{
		runner:   runner,
		wait:     desc("task_wait_seconds", "Time from when a task was accepted until its first attempt began.", "queue", "kind"),
		duration: desc("task_duration_seconds", "Duration of attempts at tasks.", "queue", "kind"),
		ended:    desc("tasks_total", "Tasks that have ended, by how.", "queue", "kind", "outcome"),
		panics:   desc("task_panics_total", "Tasks among the failed whose last attempt panicked.", "queue", "kind"),
		retries:  desc("task_retries_total", "Failed attempts after which the task was to be tried again.", "queue", "kind"),
		now:      desc("tasks", "Tasks that have not ended, by their state.", "queue", "kind", "state"),
		oldest:   desc("task_oldest_waiting_seconds", "How long the oldest of the queued tasks has waited.", "queue", "kind"),
		rejected: desc("tasks_rejected_total", "Tasks that the runner has refused: no room, no room in time, or closed.", "kind"),
		blocked:  desc("submitters_blocked", "Submitters who wait for room in the runner."),
		full:     desc("runner_full", "1 if a task that was submitted now would have to wait for room or be refused."),
		up:       desc("queue_up", "1 if the database of the durable queue has answered."),
	}
	t.queue, _ = runner.Store().(countingQueue)
	return t
}

// Describe implements [prometheus.Collector].
func (t *tasks) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		t.wait, t.duration, t.ended, t.panics, t.retries, t.now, t.oldest, t.rejected, t.blocked, t.full, t.up,
	} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (t *tasks) Collect(metrics chan<- prometheus.Metric) {
	stats := t.runner.Stats()
	metrics <- prometheus.MustNewConstMetric(t.blocked, prometheus.GaugeValue, float64(stats.Blocked))
	metrics <- prometheus.MustNewConstMetric(t.full, prometheus.GaugeValue, number(t.runner.IsFull()))
	for _, k := range t.runner.Kinds() {
		metrics <- prometheus.MustNewConstMetric(t.rejected, prometheus.CounterValue, float64(k.Rejected), nameOf(&k))
		t.collect(metrics, "memory", &k)
		t.collectNow(metrics, "memory", &k)
	}
	if t.queue == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), queueTimeout)
	defer cancel()
	kinds, err := t.queue.Kinds(ctx)
	metrics <- prometheus.MustNewConstMetric(t.up, prometheus.GaugeValue, number(err == nil))
	for _, k := range kinds {
		t.collect(metrics, "durable", &k)
		if err == nil { // or else nobody knows
			t.collectNow(metrics, "durable", &k)
		}
	}
}

// collect collects what has ended.
func (t *tasks) collect(metrics chan<- prometheus.Metric, queue string, k *background.KindStats) {
	kind := nameOf(k)
	for _, c := range []struct {
		desc   *prometheus.Desc
		n      uint64
		labels []string
	}{
		{t.ended, k.Succeeded, []string{queue, kind, "succeeded"}},
		{t.ended, k.Failed, []string{queue, kind, "failed"}},
		{t.ended, k.Skipped, []string{queue, kind, "skipped"}},
		{t.ended, k.Abandoned, []string{queue, kind, "abandoned"}},
		{t.panics, k.Panicked, []string{queue, kind}},
		{t.retries, k.Retried, []string{queue, kind}},
	} {
		metrics <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.n), c.labels...)
	}
	if k.Kind == "" {
		return // such tasks are not timed
	}
	metrics <- histogram(t.wait, &k.Waits, queue, kind)
	metrics <- histogram(t.duration, &k.Durations, queue, kind)
}

// collectNow collects what has not ended.
func (t *tasks) collectNow(metrics chan<- prometheus.Metric, queue string, k *background.KindStats) {
	kind := nameOf(k)
	for state, n := range map[string]int{
		"queued": k.Queued, "running": k.Running, "scheduled": k.Scheduled, "limited": k.Limited, "retrying": k.Retrying,
	} {
		metrics <- prometheus.MustNewConstMetric(t.now, prometheus.GaugeValue, float64(n), queue, kind, state)
	}
	metrics <- prometheus.MustNewConstMetric(t.oldest, prometheus.GaugeValue, k.OldestWaiting.Seconds(), queue, kind)
}

func nameOf(k *background.KindStats) string {
	if k.Kind == "" {
		return noKind
	}
	return strings.ToValidUTF8(k.Kind, "\uFFFD")
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// The bounds of histograms are every second power of two of those that are counted: from
// 256 µs to 73 minutes.
const firstBound, lastBound = 8, 32

// histogram returns what a histogram has counted.
func histogram(desc *prometheus.Desc, h *background.Histogram, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64)
	below := uint64(0)
	for i, c := range h.Counts {
		below += c
		if i >= firstBound && i <= lastBound && i%2 == 0 {
			buckets[(time.Microsecond << i).Seconds()] = below
		}
	}
	return prometheus.MustNewConstHistogram(desc, below, h.Sum, buckets, labels...)
}
