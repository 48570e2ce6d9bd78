package background_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// odd is an argument whose own way to be written does what it is told.
type odd string

func (o odd) MarshalText() ([]byte, error) {
	switch o {
	case "fails":
		return nil, errors.New("no text")
	case "panics":
		panic("in MarshalText")
	}
	return []byte(o), nil
}

func (o *odd) UnmarshalText(text []byte) error {
	*o = odd(text)
	return nil
}

func TestArgumentsAreShownWhereTheKindSaysSo(t *testing.T) {
	run := func(context.Context, odd) error { return nil }
	shown, hidden := background.Define("shown", run, background.ShowArgument()), background.Define("hidden", run)
	for argument, want := range map[odd]string{
		"plain":  `"plain"`,
		"<b>":    `"\u003cb\u003e"`,
		"fails":  `"it can't be written: json: error calling MarshalText for type *background_test.odd: no text"`,
		"panics": "",
	} {
		for _, task := range []*background.Task{shown.Task(argument), shown.Task(argument).Named("other").WithTimeout(time.Second)} {
			got, ok := task.ShownArgument()
			assert.True(t, ok)
			assert.Equal(t, want, string(got))
		}
	}
	for _, task := range []*background.Task{hidden.Task("a"), background.NewTask(run, "a"), task("b", func() {})} {
		_, ok := task.ShownArgument()
		assert.False(t, ok)
	}
}

// TestTasksOfAKindAreFollowed: alone and in collections, but those that have a handle
// already by that.
func TestTasksOfAKindAreFollowed(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 4}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		wait := func(ctx context.Context, n int) error {
			background.Progress(ctx, n)
			<-release
			return nil
		}
		followed, other := background.Define("followed", wait, background.Followed()), background.Define("other", wait)
		h := background.Track(followed.Task(1))
		all := collection(0, followed.Task(2), other.Task(3))
		require.NoError(t, r.Submit(t.Context(), h))
		require.NoError(t, r.Submit(t.Context(), all))
		v, err := r.Reserve(followed.Task(4))
		require.NoError(t, err)
		require.NoError(t, v.Start(t.Context(), nil))
		synctest.Wait()
		seen := make(map[any]bool)
		for info := range r.Tasks() {
			found, ok := r.Lookup(info.ID)
			require.Equal(t, info.Kind == "followed", ok)
			if ok {
				assert.Equal(t, background.Running, found.State())
				assert.Equal(t, "followed", found.Task().Kind())
				seen[found.Info().Progress] = found == h
			}
		}
		assert.Equal(t, map[any]bool{1: true, 2: false, 4: false}, seen)
		assert.Len(t, r.Handles(), 3)
		close(release)
		synctest.Wait()
		for _, h := range r.Handles() {
			assert.Equal(t, background.Succeeded, h.State())
		}
		require.NoError(t, r.Submit(t.Context(), all), "it may be submitted again")
		synctest.Wait()
		assert.Len(t, r.Handles(), 4)
	})
}

// TestCollectionsAreFollowedAsTheyAre: as many run at once, and a failure stops the others.
func TestCollectionsAreFollowedAsTheyAre(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 4, Keep: time.Minute}, func(t *testing.T, r *background.Runner) {
		release := make(chan error)
		kind := background.Define("kind", func(context.Context, int) error { return <-release }, background.Followed())
		all := collection(1, kind.Task(1), kind.Task(2), kind.Task(3))
		all.StopOnError = true
		require.NoError(t, r.Submit(t.Context(), all))
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().Running)
		release <- io.EOF
		synctest.Wait()
		assert.EqualValues(t, 2, r.Stats().Skipped)
		assert.Len(t, r.Handles(), 3)
		pass(time.Minute)
		assert.Empty(t, r.Handles(), "they are forgotten")
	})
}

// TestPeriodicTasksAreFollowed: each by a handle of its own.
func TestPeriodicTasksAreFollowed(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 4}, func(t *testing.T, r *background.Runner) {
		kind := background.Define("kind", func(context.Context, int) error { return nil }, background.Followed())
		stop := r.Every(time.Second, kind.Task(1))
		assert.Empty(t, r.Handles())
		pass(3*time.Second + time.Millisecond)
		assert.Len(t, r.Handles(), 3)
		stop()
		for _, h := range r.Handles() {
			assert.Equal(t, background.Succeeded, h.State())
		}
	})
}

// TestPeriodicTasksThatAreRefusedAreFollowedToTheirEnd: each time.
func TestPeriodicTasksThatAreRefusedAreFollowedToTheirEnd(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		for range 2 {
			require.NoError(t, r.Submit(t.Context(), held("held", release)))
		}
		stop := r.Every(time.Second, background.Define("kind", nothing, background.Followed()).Task(1))
		pass(10*time.Second + time.Millisecond)
		assert.EqualValues(t, 10, r.Stats().Rejected)
		stop()
		require.NotEmpty(t, r.Handles())
		for _, h := range r.Handles() {
			assert.Equal(t, background.GivenUp, h.State())
		}
		close(release)
	})
}

// TestPeriodicTasksThatAreStoppedAreFollowedToTheirEnd: where the time had come already, too.
func TestPeriodicTasksThatAreStoppedAreFollowedToTheirEnd(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		kind := background.Define("kind", nothing, background.Followed())
		for range 1000 { // in about half of them the time comes first, and then the stop
			stop := r.Every(1, kind.Task(1))
			time.Sleep(time.Nanosecond)
			stop()
			synctest.Wait()
		}
		for _, h := range r.Handles() {
			require.True(t, h.State().Ended(), "%s", h.State())
		}
	})
}

// TestRefusedTasksAreFollowedToTheirEnd: or their handles would stay.
func TestRefusedTasksAreFollowedToTheirEnd(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{})
	kind := background.Define("kind", func(context.Context, int) error { return nil }, background.Followed())
	require.NoError(t, r.Shutdown(t.Context()))
	require.ErrorIs(t, r.Submit(t.Context(), collection(0, kind.Task(1), kind.Task(2))), background.ErrClosed)
	_, err := r.Reserve(kind.Task(3))
	require.ErrorIs(t, err, background.ErrClosed)
	require.Len(t, r.Handles(), 3)
	for _, h := range r.Handles() {
		assert.Equal(t, background.GivenUp, h.State())
	}
}

// TestStoredTasksAreNotFollowed: since a store keeps no handles.
func TestStoredTasksAreNotFollowed(t *testing.T) {
	kind := background.Define("kind", func(context.Context, int) error { return io.EOF }, background.Followed())
	shelf := newShelf("kind")
	r := background.NewRunner(background.RunnerOptions{Store: shelf})
	require.NoError(t, r.Submit(t.Context(), kind.Task(1)))
	require.NoError(t, r.Submit(t.Context(), collection(0, kind.Task(2), task("other", func() {}))))
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Empty(t, r.Handles())
}

func TestWhatARunnerSaysOfItself(t *testing.T) {
	r := background.NewRunner(background.RunnerOptions{Workers: 3})
	assert.Equal(t, 3, r.Workers())
	r.Pause()
	assert.True(t, r.Paused())
	r.PauseKind("a")
	r.PauseKind("")
	assert.Equal(t, []string{"a"}, r.PausedKinds())
	assert.False(t, r.Closed())
	require.NoError(t, r.Shutdown(t.Context()))
	assert.True(t, r.Closed())
	assert.False(t, r.Paused())
	r.PauseKind("b")
	assert.Empty(t, r.PausedKinds())
}
