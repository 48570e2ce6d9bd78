package background

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// retriesOf returns retries of the group, or of single tasks if it is nil.
func retriesOf(g *group, names ...string) []*retry {
	all := make([]*retry, len(names))
	for i, task := range named(names...) {
		all[i] = &retry{job: job{single: single{task: task}, group: g}}
	}
	return all
}

// newTestRetryQueue returns a queue, and what lets time pass and lines up what is
// due then.
func newTestRetryQueue() (q *retryQueue, pass func(time.Duration)) {
	due := make(chan *retry, 10)
	q = &retryQueue{fire: func(again *retry) { due <- again }}
	return q, func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
		for len(due) > 0 {
			q.lineUp(<-due)
		}
	}
}

func (q *retryQueue) takeNext() string {
	var j job
	if !q.next(&j) {
		return ""
	}
	return j.task.Name()
}

// TestRetryQueueTakesTurns: of a group, one retry is in line.
func TestRetryQueueTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, pass := newTestRetryQueue()
		g := new(group)
		for i, again := range append(retriesOf(g, "g1", "g2", "g3"), retriesOf(nil, "a", "b")...) {
			q.add(again, time.Duration(i)*time.Second)
		}
		assert.Equal(t, 5, q.len())
		pass(time.Second / 2)
		assert.Equal(t, "g1", q.takeNext())
		assert.False(t, q.anyDue())
		pass(time.Minute)
		for _, want := range []string{"g2", "a", "b", "g3", ""} {
			assert.Equal(t, want, q.takeNext())
		}
		assert.Zero(t, q.len())
		assert.Nil(t, g.retries)
		assert.Nil(t, g.lastDue)
	})
}

// TestRetryQueueRemoves: the retries of a group, in their order, whether they are
// due or not; those of others stay.
func TestRetryQueueRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, pass := newTestRetryQueue()
		g, other := new(group), new(group)
		mine, others, alone := retriesOf(g, "g1", "g2", "g3"), retriesOf(other, "o1", "o2"), retriesOf(nil, "a")
		for i := range mine {
			q.add(mine[i], time.Duration(i)*time.Second)
			if i < len(others) {
				q.add(others[i], time.Minute)
			}
		}
		alone[0].at = time.Now().Add(time.Hour)
		q.add(alone[0], time.Hour)
		pass(1500 * time.Millisecond)
		assert.Equal(t, mine, q.removeAll(g))
		assert.Empty(t, q.removeAll(g))
		assert.False(t, q.remove(mine[0]), "it is out already")
		assert.False(t, q.lineUp(mine[2]), "its timer comes too late")
		assert.Empty(t, q.takeNext(), "those in line are passed over")
		assert.Equal(t, 3, q.len())
		assert.Equal(t, alone, q.dueAfter(time.Now().Add(time.Minute)))
		assert.Same(t, others[0], q.oldest())
		assert.True(t, q.remove(alone[0]))
		assert.Equal(t, others, q.removeAll(other))
		assert.Nil(t, q.oldest())
	})
}

// TestRetryQueueGoesOnBehindWhatIsTakenOut: those of its group have their turn.
func TestRetryQueueGoesOnBehindWhatIsTakenOut(t *testing.T) {
	for gone := range 3 {
		q, g := new(retryQueue), new(group)
		mine := retriesOf(g, "g1", "g2", "g3")
		for _, again := range mine {
			q.add(again, time.Hour)
			q.lineUp(again)
		}
		assert.True(t, q.remove(mine[gone]))
		late := retriesOf(g, "late")[0]
		q.add(late, time.Hour)
		q.lineUp(late)
		for _, want := range append(slices.Delete([]string{"g1", "g2", "g3"}, gone, gone+1), "late", "") {
			assert.Equal(t, want, q.takeNext(), "without %s", mine[gone].task.Name())
		}
		assert.Nil(t, g.lastDue)
	}
}

// TestRetryQueueKeepsTheOthersOfAGroup: whichever is taken out by itself, the group
// knows those that are left.
func TestRetryQueueKeepsTheOthersOfAGroup(t *testing.T) {
	for gone := range 3 {
		q, g := new(retryQueue), new(group)
		mine := retriesOf(g, "g1", "g2", "g3")
		for _, again := range mine {
			q.add(again, time.Hour)
		}
		assert.True(t, q.remove(mine[gone]))
		assert.Equal(t, slices.Delete(slices.Clone(mine), gone, gone+1), q.removeAll(g), "without %s", mine[gone].task.Name())
		assert.Zero(t, q.len())
	}
}
