package background_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background"
)

// TestRunnerRandomly has several goroutines submit random work at once, where
// the order in which things happen can't be told, as it can be in
// TestRunnerDoesAsTheModel. It checks what must hold in any order: the bounds are
// kept at all times, the numbers add up, each task runs once or is accounted for,
// each done is called once, and collections keep to MaxConcurrent.
func TestRunnerRandomly(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				newScenario(t, seed).play()
			})
		})
	}
}

type scenario struct {
	*testing.T
	options background.RunnerOptions
	runner  *background.Runner

	mu       sync.Mutex // guards the fields below
	random   *rand.Rand
	running  int
	promised int // done callbacks not called yet
	accepted uint64
	ended    uint64 // tasks that came to their end by themselves
}

func newScenario(t *testing.T, seed uint64) *scenario {
	s := &scenario{T: t, random: rand.New(rand.NewPCG(seed, 1))}
	s.options = background.RunnerOptions{
		Workers:  1 + s.random.IntN(5),
		Queue:    1 + s.random.IntN(20),
		Overflow: background.Overflow(s.random.IntN(2)),
	}
	s.runner = background.NewRunner(s.options)
	return s
}

// intN is random, for all goroutines.
func (s *scenario) intN(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

func (s *scenario) play() {
	var submitters sync.WaitGroup
	for range 4 {
		submitters.Go(func() {
			for range 25 {
				time.Sleep(time.Duration(s.intN(1000)) * time.Millisecond)
				s.submit()
				s.check()
			}
		})
	}
	if s.intN(2) == 0 { // in half the cases Shutdown comes in between
		submitters.Wait()
	}
	time.Sleep(time.Duration(s.intN(20)) * time.Second)
	ctx, cancel := context.WithTimeout(s.Context(), time.Duration(s.intN(60))*time.Second)
	defer cancel()
	_ = s.runner.Shutdown(ctx)
	submitters.Wait()
	_ = s.runner.Shutdown(s.Context())
	synctest.Wait()

	stats := s.check()
	assert.Zero(s, stats.Queued+stats.Running+stats.Retrying)
	assert.Equal(s, s.accepted, stats.Accepted)
	assert.Equal(s, s.ended, stats.Succeeded+stats.Failed)
	assert.Zero(s, s.promised, "calls of done")
}

// check checks what must hold at any time.
func (s *scenario) check() background.Stats {
	stats := s.runner.Stats()
	assert.True(s, balanced(stats), "%+v", stats)
	assert.LessOrEqual(s, stats.Running, s.options.Workers)
	assert.GreaterOrEqual(s, stats.Queued, 0)
	return stats
}

// submit submits work in one of the possible ways.
func (s *scenario) submit() {
	ctx, cancel := context.WithTimeout(s.Context(), time.Duration(1+s.intN(5))*time.Second)
	defer cancel()
	s.submitWith(ctx)
}

func (s *scenario) submitWith(ctx context.Context) {
	work, n := s.work()
	var err error
	if s.intN(2) == 0 {
		err = s.runner.Submit(ctx, work)
	} else {
		err = s.reserve(ctx, work)
	}
	if err == nil {
		s.mu.Lock()
		s.accepted += uint64(n)
		s.mu.Unlock()
	}
}

func (s *scenario) reserve(ctx context.Context, work background.Work) error {
	v, err := s.runner.Reserve(work)
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(s.intN(2)) * time.Second)
	if s.intN(5) == 0 {
		v.Cancel()
		return background.ErrClosed
	}
	s.mu.Lock()
	s.promised++
	s.mu.Unlock()
	return v.Start(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.promised--
	})
}

// work returns random work, and how many tasks it has.
func (s *scenario) work() (background.Work, int) {
	if s.intN(3) == 0 {
		return s.task(new(int), 1), 1
	}
	tasks := &background.Tasks{MaxConcurrent: 1 + s.intN(4), StopOnError: s.intN(2) == 0}
	active := new(int)
	n := s.intN(30)
	for range n {
		tasks.Add(s.task(active, tasks.MaxConcurrent))
	}
	return tasks, n
}

// task returns a task of a collection that lets so many be active at once.
func (s *scenario) task(active *int, concurrent int) *background.Task {
	fails := s.intN(6) == 0
	attempts := 1 + s.intN(3)
	made := 0
	return background.Func("random", func(ctx context.Context) error {
		s.mu.Lock()
		s.running++
		*active++
		made++
		assert.LessOrEqual(s, s.running, s.options.Workers)
		assert.LessOrEqual(s, *active, concurrent)
		assert.LessOrEqual(s, made, attempts)
		s.mu.Unlock()

		if s.intN(50) == 0 {
			s.submitWith(ctx)
		}
		select {
		case <-time.After(time.Duration(s.intN(3000)) * time.Millisecond):
		case <-ctx.Done():
		}

		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
		*active--
		if !fails || made == attempts || ctx.Err() != nil {
			s.ended++
		}
		if fails {
			return io.EOF
		}
		return nil
	}).WithRetry(background.Retry{Attempts: attempts, Backoff: time.Second})
}
