package schedule

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background/internal/alarm"
	"github.com/velithon-go/velithon/background/internal/queue"
)

// retriesOf returns retries of the group, or of single tasks if it is nil.
func retriesOf(g *group, names ...string) []*held[string] {
	all := make([]*held[string], len(names))
	for i, name := range names {
		all[i] = &held[string]{Job: job{Single: Single[string]{Task: name}, group: g, Attempt: 2}}
	}
	return all
}

// newTestHeldQueue returns a queue, and what lets time pass and lines up what is
// due then.
func newTestHeldQueue() (q *heldQueue[string], pass func(time.Duration)) {
	due := make(chan struct{}, 10)
	q = &heldQueue[string]{alarm: alarm.Alarm{Call: func() { due <- struct{}{} }}}
	return q, func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
		for len(due) > 0 {
			<-due
			q.lineUpDue()
			synctest.Wait()
		}
	}
}

// addDue adds a task that is due after d.
func addDue(q *heldQueue[string], h *held[string], d time.Duration) {
	h.at = time.Now().Add(d)
	q.add(h)
}

// addInLine adds a task that is due.
func addInLine(q *heldQueue[string], h *held[string]) {
	addDue(q, h, -time.Second)
	q.lineUpDue()
}

func takeNext(q *heldQueue[string]) string {
	var j job
	if !q.next(&j) {
		return ""
	}
	return j.Task
}

// TestHeldQueueTakesTurns: of a group, one retry is in line.
func TestHeldQueueTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, pass := newTestHeldQueue()
		g := new(group)
		for i, again := range append(retriesOf(g, "g1", "g2", "g3"), retriesOf(nil, "a", "b")...) {
			addDue(q, again, time.Duration(i)*time.Second)
		}
		assert.Equal(t, 5, q.length)
		pass(time.Second / 2)
		assert.Equal(t, "g1", takeNext(q))
		assert.Zero(t, q.due.Len())
		pass(time.Minute)
		for _, want := range []string{"g2", "a", "b", "g3", ""} {
			assert.Equal(t, want, takeNext(q))
		}
		assert.Zero(t, q.length)
		assert.Nil(t, g.lastHeld)
		assert.Nil(t, g.lastDue)
	})
}

// TestHeldQueueRemoves: the retries of a group, in their order, whether they are
// due or not; those of others stay.
func TestHeldQueueRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, pass := newTestHeldQueue()
		g, other := new(group), new(group)
		mine, others, alone := retriesOf(g, "g1", "g2", "g3"), retriesOf(other, "o1", "o2"), retriesOf(nil, "a")
		for i := range mine {
			addDue(q, mine[i], time.Duration(i)*time.Second)
			if i < len(others) {
				addDue(q, others[i], time.Minute)
			}
		}
		addDue(q, alone[0], time.Hour)
		pass(1500 * time.Millisecond)
		assert.Equal(t, mine, q.removeAll(g))
		assert.Empty(t, q.removeAll(g))
		assert.False(t, q.remove(mine[0]), "it is out already")
		assert.Empty(t, takeNext(q), "those in line are passed over")
		assert.Equal(t, 3, q.length)
		assert.Equal(t, alone, q.later(time.Now().Add(time.Minute)))
		assert.Same(t, others[0], q.all.First())
		assert.True(t, q.remove(alone[0]))
		assert.Equal(t, others, q.removeAll(other))
		assert.Nil(t, q.all.First())
	})
}

// TestHeldQueueGoesOnBehindWhatIsTakenOut: those of its group have their turn.
func TestHeldQueueGoesOnBehindWhatIsTakenOut(t *testing.T) {
	for gone := range 3 {
		q, g := &heldQueue[string]{alarm: alarm.Alarm{Call: func() {}}}, new(group)
		mine := retriesOf(g, "g1", "g2", "g3")
		for _, again := range mine {
			addInLine(q, again)
		}
		assert.True(t, q.remove(mine[gone]))
		late := retriesOf(g, "late")[0]
		addInLine(q, late)
		for _, want := range append(slices.Delete([]string{"g1", "g2", "g3"}, gone, gone+1), "late", "") {
			assert.Equal(t, want, takeNext(q), "without %s", mine[gone].Task)
		}
		assert.Nil(t, g.lastDue)
	}
}

// TestHeldQueueKeepsTheOthersOfAGroup: whichever is taken out by itself, the group
// knows those that are left.
func TestHeldQueueKeepsTheOthersOfAGroup(t *testing.T) {
	for gone := range 3 {
		q, g := &heldQueue[string]{alarm: alarm.Alarm{Call: func() {}}}, new(group)
		mine := retriesOf(g, "g1", "g2", "g3")
		for _, again := range mine {
			addDue(q, again, time.Hour)
		}
		assert.True(t, q.remove(mine[gone]))
		assert.Equal(t, slices.Delete(slices.Clone(mine), gone, gone+1), q.removeAll(g), "without %s", mine[gone].Task)
		assert.Zero(t, q.length)
	}
}

// TestHeldQueueForgets what was taken out: in its lines, and through what is taken out
// later.
func TestHeldQueueForgets(t *testing.T) {
	q := &heldQueue[string]{alarm: alarm.Alarm{Call: func() {}}}
	var j job
	first := retriesOf(nil, "first")[0]
	addInLine(q, first)
	before := first
	for range 1000 {
		h := retriesOf(nil, "h")[0]
		h.Attempt = 1
		addInLine(q, h)
		assert.True(t, q.next(&j))
		assert.Zero(t, before.links)
		before = h
	}
	assert.LessOrEqual(t, q.firsts.Len(), 1)
	assert.LessOrEqual(t, q.due.Len(), 1)
}

// TestHeldQueueForgetsBehindACollection whose tasks wait for their turns in front.
func TestHeldQueueForgetsBehindACollection(t *testing.T) {
	q := &heldQueue[string]{alarm: alarm.Alarm{Call: func() {}}}
	for _, h := range retriesOf(new(group), "g1", "g2", "g3") {
		h.Attempt = 1
		addInLine(q, h)
	}
	var j job
	for range 10 * queue.BlockLen {
		h := retriesOf(nil, "h")[0]
		h.Attempt = 1
		addInLine(q, h)
		require.True(t, q.remove(h))
	}
	assert.Less(t, q.firsts.Len(), 2*queue.BlockLen)
	assert.True(t, q.next(&j))
	assert.Equal(t, "g1", j.Task)
}

// TestHeldQueueLooksAtNoOthers to find those of a group: what is held besides may be a
// hundred thousand tasks.
func TestHeldQueueLooksAtNoOthers(t *testing.T) {
	q, g := &heldQueue[string]{alarm: alarm.Alarm{Call: func() {}}}, new(group)
	for _, h := range retriesOf(new(group), "o1", "o2") {
		addDue(q, h, time.Hour)
	}
	mine := retriesOf(g, "g1", "g2")
	for _, h := range mine {
		addDue(q, h, time.Hour)
	}
	planted := retriesOf(g, "planted")[0] // of which the group is not told
	q.all.Insert(planted, &planted.links, nil)
	assert.Equal(t, mine, q.removeAll(g))
	assert.Same(t, planted, q.all.First())
}

// followedBy is a follower that does nothing.
type followedBy struct{ name string }

func (followedBy) IsCanceled() bool { return false }
func (followedBy) Become(State)     {}

// TestHeldQueueForgetsFollowers, and the memory that it kept them in.
func TestHeldQueueForgetsFollowers(t *testing.T) {
	q := &heldQueue[string]{alarm: alarm.Alarm{Call: func() {}}}
	all := retriesOf(nil, "a", "b")
	for _, h := range all {
		h.terms = &Terms{Follower: followedBy{h.Task}}
		addDue(q, h, time.Hour)
	}
	assert.Len(t, q.followed, 2)
	assert.True(t, q.remove(all[0]))
	assert.Len(t, q.followed, 1)
	q.hasten(followedBy{"a"}) // it is out
	assert.Zero(t, q.due.Len())
	q.hasten(followedBy{"b"})
	assert.Equal(t, "b", takeNext(q))
	assert.Nil(t, q.followed)
}
