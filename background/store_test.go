package background_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

type postcard struct{ To string }

// A shelf is a store in memory of the kinds whose names it has.
type shelf struct {
	kinds map[string]bool

	mu      sync.Mutex // guards what follows
	records []background.Record
	err     error // what Store returns, if there is something
}

func newShelf(kinds ...string) *shelf {
	s := &shelf{kinds: make(map[string]bool)}
	for _, k := range kinds {
		s.kinds[k] = true
	}
	return s
}

func (s *shelf) Holds(kind string) bool { return s.kinds[kind] }

func (s *shelf) Store(_ context.Context, records []background.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.records = append(s.records, records...)
	return nil
}

// arguments returns the arguments of what was stored.
func (s *shelf) arguments() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.records {
		all = append(all, string(r.Argument))
	}
	return all
}

// repeating is a shelf that repeats.
type repeating struct {
	*shelf

	every time.Duration
	task  *background.Task
}

func (s *repeating) Every(d time.Duration, task *background.Task) (stop func()) {
	s.every, s.task = d, task
	return func() { s.every = 0 }
}

func definePostcard(sent *[]string) background.Kind[postcard] {
	var mu sync.Mutex
	return background.Define("send_letter", func(_ context.Context, l postcard) error {
		mu.Lock()
		defer mu.Unlock()
		*sent = append(*sent, l.To)
		return nil
	})
}

func TestSubmitStoresWhatTheStoreHolds(t *testing.T) {
	s := newShelf("send_letter")
	inBubble(t, background.RunnerOptions{Store: s, Workers: 1}, func(t *testing.T, r *background.Runner) {
		var sent []string
		ran := 0
		letters := definePostcard(&sent)
		count := background.Define("count", func(context.Context, int) error { ran++; return nil })
		require.NoError(t, r.Submit(t.Context(), letters.Task(postcard{"ada"})))
		require.NoError(t, r.Submit(t.Context(), collection(0, letters.Task(postcard{"bob"}), count.Task(1), task("plain", func() {}))))
		require.NoError(t, r.Submit(t.Context(), collection(1, count.Task(1))))
		require.NoError(t, r.Submit(t.Context(), report{}))
		synctest.Wait()
		assert.Empty(t, sent)
		assert.Equal(t, 2, ran)
		assert.Equal(t, []string{`{"To":"ada"}`, `{"To":"bob"}`}, s.arguments())
		assert.EqualValues(t, 4, r.Stats().Accepted, "what is stored is not counted")
		assert.Same(t, s, r.Store())
	})
}

func TestReserveTakesRoomForWhatStaysInMemory(t *testing.T) {
	s := newShelf("send_letter")
	inBubble(t, background.RunnerOptions{Store: s, Workers: 1, Queue: 1, Overflow: background.Reject}, func(t *testing.T, r *background.Runner) {
		var sent []string
		letters := definePostcard(&sent)
		v, err := r.Reserve(collection(0, letters.Task(postcard{"ada"}), letters.Task(postcard{"bob"}), task("one", func() {})))
		require.NoError(t, err)
		_, err = r.Reserve(task("two", func() {}))
		require.ErrorIs(t, err, background.ErrFull)
		only, err := r.Reserve(letters.Task(postcard{"eve"}))
		require.NoError(t, err, "it needs no room")

		assert.True(t, v.Stores())
		assert.Empty(t, s.arguments(), "nothing is stored before Store")
		require.NoError(t, v.Store(t.Context()))
		require.NoError(t, v.Store(t.Context()), "which stores nothing again")
		assert.False(t, v.Stores())
		assert.Len(t, s.arguments(), 2)
		assert.NotNil(t, v.Rest())
		require.NoError(t, v.Start(t.Context(), nil))

		assert.Nil(t, only.Rest())
		only.Cancel()
		assert.Len(t, s.arguments(), 2, "a reservation that is cancelled stores nothing")
	})
}

func TestStartStoresWhatIsNotStored(t *testing.T) {
	s := newShelf("send_letter")
	inBubble(t, background.RunnerOptions{Store: s}, func(t *testing.T, r *background.Runner) {
		var sent []string
		v, err := r.Reserve(definePostcard(&sent).Task(postcard{"ada"}))
		require.NoError(t, err)
		done := 0
		require.NoError(t, v.Start(t.Context(), func() { done++ }))
		assert.Len(t, s.arguments(), 1)
		assert.Equal(t, 1, done)
	})
}

func TestAStoreThatFails(t *testing.T) {
	s := newShelf("send_letter")
	s.err = errors.New("disk full")
	inBubble(t, background.RunnerOptions{Store: s}, func(t *testing.T, r *background.Runner) {
		var sent []string
		letters := definePostcard(&sent)
		err := r.Submit(t.Context(), letters.Task(postcard{"ada"}))
		require.EqualError(t, err, "background: tasks were not stored: disk full")
		require.ErrorIs(t, err, s.err)
		_, isStore := errors.AsType[*background.StoreError](err)
		assert.True(t, isStore)

		v, err := r.Reserve(collection(0, letters.Task(postcard{"ada"}), task("never", t.FailNow)))
		require.NoError(t, err)
		done := 0
		require.ErrorIs(t, v.Start(t.Context(), func() { done++ }), s.err)
		assert.Equal(t, 1, done)
		require.NoError(t, v.Start(t.Context(), nil), "it is used up")
	})
}

// slowShelf is a store that takes for ever.
type slowShelf struct{ *shelf }

func (slowShelf) Store(ctx context.Context, _ []background.Record) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStoreTimeout(t *testing.T) {
	inBubble(t, background.RunnerOptions{Store: slowShelf{newShelf("send_letter")}}, func(t *testing.T, r *background.Runner) {
		var sent []string
		start := time.Now()
		require.ErrorIs(t, r.Submit(t.Context(), definePostcard(&sent).Task(postcard{"ada"})), context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
	assert.PanicsWithValue(t, "background: RunnerOptions.StoreTimeout is -1s, it cannot be negative", func() {
		background.NewRunner(background.RunnerOptions{StoreTimeout: -time.Second})
	})
}

func TestWhatCanNotBeStored(t *testing.T) {
	s := newShelf("send_letter", "weigh")
	inBubble(t, background.RunnerOptions{Store: s}, func(t *testing.T, r *background.Runner) {
		var sent []string
		letters := definePostcard(&sent)
		one := letters.Task(postcard{"ada"})
		stop := collection(0, one)
		stop.StopOnError = true
		for _, c := range []struct {
			work background.Work
			want string
		}{
			{stop, `background: task "send_letter" can't be stored: its collection has StopOnError, which holds in memory only`},
			{collection(3, one), `background: task "send_letter" can't be stored: its collection has a MaxConcurrent, which holds in memory only: give its kind a Limit`},
			{
				one.WithRetry(background.Retry{Attempts: 2, If: func(error) bool { return true }}),
				`background: task "send_letter" can't be stored: its Retry has an If or Delay of its own: give them to Define, or return Permanent or RetryAfter`,
			},
			{
				collection(0, one.WithLimit(background.NewLimit(background.LimitOptions{Concurrent: 1}))),
				`background: task "send_letter" can't be stored: it has not the limit of its kind`,
			},
		} {
			_, err := r.Reserve(c.work)
			require.EqualError(t, err, c.want)
			require.EqualError(t, r.Submit(t.Context(), c.work), c.want)
		}
		const followed = `background: task "send_letter" can't be stored: it has a handle, which follows tasks in memory only: submit the task itself`
		for _, submit := range []func(background.Work) error{
			func(w background.Work) error { return r.Submit(t.Context(), w) },
			func(w background.Work) error { _, err := r.Reserve(w); return err },
		} {
			h := background.Track(one)
			require.EqualError(t, submit(h), followed)
			assert.Equal(t, background.GivenUp, h.State())
			require.EqualError(t, h.Wait(t.Context()), followed)
		}
		weigh := background.Define("weigh", func(context.Context, float64) error { return nil })
		const nan = `background: the argument of task "weigh" can't be recorded: json: unsupported value: NaN`
		require.EqualError(t, r.Submit(t.Context(), weigh.Task(math.NaN())), nan)
		assert.Empty(t, s.arguments())
		assert.Panics(t, func() { _ = r.Submit(t.Context(), nil) })
		assert.Panics(t, func() { _ = r.Submit(t.Context(), definePostcard(&sent).Task(postcard{})) }, "two kinds of one name")
	})
}

func TestRecordsHaveTheValuesOfTheirOrigin(t *testing.T) {
	s := newShelf("send_letter")
	inBubble(t, background.RunnerOptions{Store: s}, func(t *testing.T, r *background.Runner) {
		var sent []string
		letters := definePostcard(&sent)
		assert.Nil(t, background.OriginOf(t.Context()))
		ctx := context.WithValue(t.Context(), background.OriginKey{}, &background.Origin{Values: map[string]string{background.RequestID: "a-1"}})
		require.NoError(t, r.Submit(ctx, letters.Task(postcard{"ada"})))
		text, err := json.Marshal(s.records[0])
		require.NoError(t, err)
		assert.JSONEq(t, `{"kind":"send_letter","argument":{"To":"ada"},"values":{"request_id":"a-1"}}`, string(text))
	})
}

func TestATaskThatWasStoredInATransactionIsNotStoredAgain(t *testing.T) {
	s := newShelf("send_letter")
	inBubble(t, background.RunnerOptions{Store: s}, func(t *testing.T, r *background.Runner) {
		var sent []string
		letters := definePostcard(&sent)
		origin := new(background.Origin)
		ctx := context.WithValue(t.Context(), background.OriginKey{}, origin)
		noted, undone := letters.Task(postcard{"ada"}), letters.Task(postcard{"bob"})
		unsure := errors.New("connection lost")
		answer := func(exists bool, err error) func(context.Context) (bool, error) {
			return func(context.Context) (bool, error) { return exists, err }
		}

		origin.Note(noted, answer(false, nil)) // rolled back, and then
		origin.Note(noted, answer(true, nil))
		require.NoError(t, r.Submit(ctx, noted))
		assert.Empty(t, s.arguments())
		require.NoError(t, r.Submit(t.Context(), noted), "elsewhere it is other work")
		assert.Equal(t, []string{`{"To":"ada"}`}, s.arguments())

		origin.Note(undone, answer(false, nil))
		require.NoError(t, r.Submit(ctx, collection(0, noted, undone)))
		assert.Equal(t, []string{`{"To":"ada"}`, `{"To":"bob"}`}, s.arguments())

		origin.Note(undone, answer(false, unsure))
		err := r.Submit(ctx, undone)
		require.ErrorIs(t, err, unsure)
		_, isStore := errors.AsType[*background.StoreError](err)
		assert.True(t, isStore)
	})
}

func TestTasksAreStoredAfterAShutdown(t *testing.T) {
	s := newShelf("send_letter")
	inBubble(t, background.RunnerOptions{Store: s}, func(t *testing.T, r *background.Runner) {
		var sent []string
		letters := definePostcard(&sent)
		require.NoError(t, r.Shutdown(t.Context()))
		require.NoError(t, r.Submit(t.Context(), letters.Task(postcard{"ada"})))
		assert.Len(t, s.arguments(), 1)
		_, err := r.Reserve(letters.Task(postcard{"ada"}))
		require.ErrorIs(t, err, background.ErrClosed)
	})
}

func TestEveryOfAStore(t *testing.T) {
	s := &repeating{shelf: newShelf("send_letter")}
	inBubble(t, background.RunnerOptions{Store: s}, func(t *testing.T, r *background.Runner) {
		var sent []string
		one := definePostcard(&sent).Task(postcard{"ada"})
		stop := r.Every(time.Hour, one)
		assert.Equal(t, time.Hour, s.every)
		assert.Same(t, one, s.task)
		stop()
		assert.Zero(t, s.every)
		assert.PanicsWithValue(t, `background: task "send_letter" can't be stored: it has not the limit of its kind`, func() {
			r.Every(time.Hour, one.WithLimit(background.NewLimit(background.LimitOptions{Concurrent: 1})))
		})
	})
	inBubble(t, background.RunnerOptions{Store: s.shelf}, func(t *testing.T, r *background.Runner) {
		var sent []string
		const want = `background: Every of task "send_letter": its kind is the store's, a *background_test.shelf, which repeats nothing`
		assert.PanicsWithValue(t, want, func() { r.Every(time.Hour, definePostcard(&sent).Task(postcard{"ada"})) })
	})
}
