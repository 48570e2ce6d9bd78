package pool

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A names is a pool whose work are names, which the workers note.
type names struct {
	*Pool[string]
	mu      sync.Mutex
	noted   []string
	started int // how many workers have
}

func poolOf(size int) *names {
	n := new(names)
	pool := New(size, &n.mu, n.work)
	n.Pool = &pool
	return n
}

func (n *names) work(w *Worker[string]) {
	n.Begin(w)
	n.mu.Lock()
	n.started++
	n.mu.Unlock()
	for {
		n.mu.Lock()
		n.noted = append(n.noted, w.Work)
		w.Work = ""
		n.Rest(w)
		n.mu.Unlock()
		if !n.Wait(w) {
			n.mu.Lock()
			n.Remove(w)
			n.mu.Unlock()
			return
		}
	}
}

// ran returns what was noted since the last call, when the workers have done it all.
func (n *names) ran() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.noted
	n.noted = nil
	return all
}

// give has workers note some names at once.
func (n *names) give(some ...string) { n.Call(n.taken(some...)) }

// taken gives names to workers, and returns the one to be called.
func (n *names) taken(some ...string) *Worker[string] {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range some {
		n.Take().Work = name
	}
	return n.Taken()
}

// count returns how many workers there are, how many of them idle.
func (n *names) count() (all, idle int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.all), n.resting
}

func TestPoolStartsWorkersAndWakesTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(3)
		assert.Equal(t, 3, p.Free())
		p.give("a", "b")
		assert.ElementsMatch(t, []string{"a", "b"}, p.ran())
		all, idle := p.count()
		assert.Equal(t, []int{2, 2}, []int{all, idle})
		assert.Equal(t, 3, p.Free(), "two that are idle, and one that has not started")
		p.give("c")
		assert.Equal(t, []string{"c"}, p.ran())
		all, _ = p.count()
		assert.Equal(t, 2, all, "an idle worker took it")
		p.give("d", "e", "f")
		assert.ElementsMatch(t, []string{"d", "e", "f"}, p.ran())
		all, _ = p.count()
		assert.Equal(t, 3, all)
		assert.Nil(t, p.Taken())
		assert.True(t, sweptAfter(p, 2*idleTime))
	})
}

// TestACalledWorkerCallsThoseThatComeMeanwhile: whoever takes some before it has
// begun calls nobody.
func TestACalledWorkerCallsThoseThatComeMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(4)
		for range 2 { // of workers that start, and that are woken
			first := p.taken("a")
			assert.NotNil(t, first)
			assert.Nil(t, p.taken("b"))
			assert.Nil(t, p.taken("c", "d"))
			assert.Empty(t, p.ran(), "nobody was called")
			p.Call(first)
			assert.ElementsMatch(t, []string{"a", "b", "c", "d"}, p.ran())
		}
		p.give("e")
		assert.Equal(t, []string{"e"}, p.ran(), "the last that was called has begun, so it is called itself")
		assert.True(t, sweptAfter(p, 2*idleTime))
	})
}

// TestPoolSweepsWhoIsNotNeeded: a flow that needs one worker keeps one.
func TestPoolSweepsWhoIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(8)
		p.give("a", "b", "c", "d")
		assert.Len(t, p.ran(), 4)
		for range 10 {
			time.Sleep(idleTime / 4)
			p.give("one")
			assert.Len(t, p.ran(), 1)
		}
		all, idle := p.count()
		assert.Equal(t, []int{1, 1}, []int{all, idle})
		assert.Equal(t, 4, p.started, "it is one of the first")
		assert.True(t, sweptAfter(p, idleTime), "it leaves, too, when nothing comes")
	})
}

// TestPoolDismisses: whoever is idle leaves at once, and who is busy when it has
// rested and is dismissed again.
func TestPoolDismisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(2)
		p.give("a", "b")
		assert.Len(t, p.ran(), 2)
		p.mu.Lock()
		assert.False(t, p.Dismiss(), "they have yet to leave")
		assert.Equal(t, []int{0, 2}, []int{p.Busy(), p.Free()}, "but have no work")
		p.mu.Unlock()
		assert.True(t, sweptAfter(p, 0))
		p.mu.Lock()
		assert.True(t, p.Dismiss())
		assert.Equal(t, []int{0, 2}, []int{p.Busy(), p.Free()})
		p.mu.Unlock()
		time.Sleep(2 * idleTime) // the timer finds nobody
	})
}

// sweptAfter reports whether no worker is left after some time.
func sweptAfter(p *names, d time.Duration) bool {
	time.Sleep(d)
	synctest.Wait()
	all, idle := p.count()
	return all == 0 && idle == 0
}
