package background

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// poolOf returns a pool whose workers note the names of their jobs' tasks.
func poolOf(size int) (p *pool, ran func() []string) {
	var mu sync.Mutex
	var names []string
	p = new(pool)
	*p = newPool(size, &mu, func(w *worker) {
		p.callNext(w)
		for {
			mu.Lock()
			names = append(names, w.job.task.name)
			w.job = job{}
			p.rest(w)
			mu.Unlock()
			if !p.wait(w) {
				mu.Lock()
				p.remove(w)
				mu.Unlock()
				return
			}
		}
	})
	return p, func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		all := names
		names = nil
		return all
	}
}

// give has the pool do jobs with these names at once.
func (p *pool) give(names ...string) { p.call(p.assigned(names...)) }

// assigned assigns jobs with these names, and returns the worker to be called.
func (p *pool) assigned(names ...string) *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		w := p.take()
		w.job.task = &Task{name: name}
		p.send(w)
	}
	return p.takeCalled()
}

// count returns how many workers there are, how many of them idle.
func (p *pool) count() (all, idle int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all), p.resting
}

func TestPoolStartsWorkersAndWakesTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ran := poolOf(3)
		assert.Equal(t, 3, p.free())
		p.give("a", "b")
		assert.ElementsMatch(t, []string{"a", "b"}, ran())
		all, idle := p.count()
		assert.Equal(t, []int{2, 2}, []int{all, idle})
		assert.Equal(t, 3, p.free(), "two that are idle, and one that has not started")
		p.give("c")
		assert.Equal(t, []string{"c"}, ran())
		all, _ = p.count()
		assert.Equal(t, 2, all, "an idle worker took it")
		p.give("d", "e", "f")
		assert.ElementsMatch(t, []string{"d", "e", "f"}, ran())
		all, _ = p.count()
		assert.Equal(t, 3, all)
		assert.Nil(t, p.takeCalled())
		assert.True(t, sweptAfter(p, 2*idleTime))
	})
}

// TestACalledWorkerCallsThoseThatComeMeanwhile: whoever assigns jobs before it has
// begun calls nobody.
func TestACalledWorkerCallsThoseThatComeMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ran := poolOf(4)
		for range 2 { // of workers that start, and that are woken
			first := p.assigned("a")
			assert.NotNil(t, first)
			assert.Nil(t, p.assigned("b"))
			assert.Nil(t, p.assigned("c", "d"))
			assert.Empty(t, ran(), "nobody was called")
			p.call(first)
			assert.ElementsMatch(t, []string{"a", "b", "c", "d"}, ran())
		}
		p.give("e")
		assert.Equal(t, []string{"e"}, ran(), "the last that was called has begun, so it is called itself")
		assert.True(t, sweptAfter(p, 2*idleTime))
	})
}

// TestPoolSweepsWhoIsNotNeeded: a flow that needs one worker keeps one.
func TestPoolSweepsWhoIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ran := poolOf(8)
		p.give("a", "b", "c", "d")
		assert.Len(t, ran(), 4)
		for range 10 {
			time.Sleep(idleTime / 4)
			p.give("one")
			assert.Len(t, ran(), 1)
		}
		all, idle := p.count()
		assert.Equal(t, []int{1, 1}, []int{all, idle})
		assert.True(t, sweptAfter(p, idleTime), "it leaves, too, when nothing comes")
	})
}

// TestPoolDismisses: whoever is idle leaves at once, and who is busy when it has
// rested and is dismissed again.
func TestPoolDismisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ran := poolOf(2)
		p.give("a", "b")
		assert.Len(t, ran(), 2)
		p.mu.Lock()
		assert.False(t, p.dismiss(), "they have yet to leave")
		p.mu.Unlock()
		assert.True(t, sweptAfter(p, 0))
		p.mu.Lock()
		assert.True(t, p.dismiss())
		p.mu.Unlock()
		time.Sleep(2 * idleTime) // the timer finds nobody
	})
}

// sweptAfter reports whether no worker is left after some time.
func sweptAfter(p *pool, d time.Duration) bool {
	time.Sleep(d)
	synctest.Wait()
	all, idle := p.count()
	return all == 0 && idle == 0
}
