package background_test

import (
	"context"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

func TestReserveTakesRoom(t *testing.T) {
	options := background.RunnerOptions{Workers: 1, Queue: 2, Overflow: background.Reject}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 1, release)
		first, err := r.Reserve(task("first", func() {}))
		require.NoError(t, err)
		_, err = r.Reserve(collection(1, task("a", t.FailNow), task("b", t.FailNow)))
		require.ErrorIs(t, err, background.ErrFull)
		second, err := r.Reserve(report{})
		require.NoError(t, err)
		require.ErrorIs(t, r.Submit(t.Context(), task("c", t.FailNow)), background.ErrFull)
		assert.EqualValues(t, 3, r.Stats().Rejected)

		second.Cancel()
		second.Cancel()
		require.NoError(t, second.Start(t.Context(), t.FailNow), "used up")
		require.NoError(t, r.Submit(t.Context(), task("d", func() {})))
		require.NoError(t, first.Start(t.Context(), nil))
		first.Cancel()
		require.NoError(t, first.Start(t.Context(), t.FailNow), "used up")
		assert.Equal(t, 2, r.Stats().Queued)
		close(release)
		synctest.Wait()
		assert.EqualValues(t, 3, r.Stats().Succeeded)
	})
}

// A worker that is free may be taken by others until the reservation is started, so
// free ones do not count.
func TestReserveTakesRoomBesideFreeWorkers(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 64, Queue: 1, Overflow: background.Reject}, func(t *testing.T, r *background.Runner) {
		first, err := r.Reserve(task("first", func() {}))
		require.NoError(t, err)
		_, err = r.Reserve(task("second", t.FailNow))
		require.ErrorIs(t, err, background.ErrFull)
		require.NoError(t, first.Start(t.Context(), nil))
		third, err := r.Reserve(task("third", func() {}))
		require.NoError(t, err)
		third.Cancel()
	})
}

func TestReserveMoreThanTheQueue(t *testing.T) {
	options := background.RunnerOptions{Workers: 1, Queue: 2, Overflow: background.Reject}
	inBubble(t, options, func(t *testing.T, r *background.Runner) {
		ran := 0
		count := task("count", func() { ran++ })
		v, err := r.Reserve(collection(1, count, count, count, count))
		require.NoError(t, err)
		_, err = r.Reserve(count)
		require.ErrorIs(t, err, background.ErrFull)
		require.NoError(t, v.Start(t.Context(), nil))
		synctest.Wait()
		assert.Equal(t, 4, ran)
		v, err = r.Reserve(collection(1, count, count))
		require.NoError(t, err, "all the room is back")
		v.Cancel()
	})
}

func TestZeroReservation(t *testing.T) {
	var v background.Reservation
	require.NoError(t, v.Start(t.Context(), t.FailNow))
	v.Cancel()
}

func TestReserveInBlockWaitsInStart(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1, Queue: 1}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 2, release)
		var ended []string
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, io.ErrNoProgress)
		defer cancel()
		late, err := r.Reserve(task("late", t.FailNow))
		require.NoError(t, err)
		require.ErrorIs(t, late.Start(ctx, func() { ended = append(ended, "late") }), io.ErrNoProgress)
		assert.Equal(t, []string{"late"}, ended)

		patient, err := r.Reserve(task("patient", func() {}))
		require.NoError(t, err)
		time.AfterFunc(time.Hour, func() { close(release) })
		require.NoError(t, patient.Start(t.Context(), func() { ended = append(ended, "patient") }))
		synctest.Wait()
		assert.Equal(t, []string{"late", "patient"}, ended)
	})
}

// TestDoneIsCalledOnce checks it for each way in which work can end.
func TestDoneIsCalledOnce(t *testing.T) {
	stopped := collection(1, failing("fails", io.EOF), task("skipped", t.FailNow))
	stopped.StopOnError = true
	flaky := 0
	for name, work := range map[string]background.Work{
		"nothing":     &background.Tasks{},
		"nil tasks":   (*background.Tasks)(nil),
		"task":        task("ok", func() {}),
		"custom":      report{io.EOF},
		"failure":     failing("fails", io.EOF),
		"panic":       task("panics", func() { panic("boom") }),
		"Goexit":      task("exits", runtime.Goexit),
		"collection":  collection(2, task("a", func() {}), task("b", func() {}), task("c", func() {})),
		"StopOnError": stopped,
		"retry": background.Func("flaky", func(context.Context) error {
			if flaky++; flaky < 3 {
				return io.EOF
			}
			return nil
		}).WithRetry(background.Retry{Attempts: 3}),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
				v, err := r.Reserve(work)
				require.NoError(t, err)
				done := 0
				require.NoError(t, v.Start(t.Context(), func() {
					done++
					stats := r.Stats()
					assert.Zero(t, stats.Queued+stats.Running+stats.Retrying, "all has ended")
				}))
				pass(time.Hour)
				assert.Equal(t, 1, done)
			})
		})
	}
}

func TestDoneMayPanic(t *testing.T) {
	inBubble(t, background.RunnerOptions{Workers: 1}, func(t *testing.T, r *background.Runner) {
		for _, hook := range []func(){func() { panic("boom") }, runtime.Goexit} {
			v, err := r.Reserve(task("ok", func() {}))
			require.NoError(t, err)
			require.NoError(t, v.Start(t.Context(), hook))
			synctest.Wait()
		}
		assert.EqualValues(t, 2, r.Stats().Succeeded)
	})
}

// TestReservationOfWorkThatWasChanged, though it must not be: the room that was
// reserved is given back.
func TestReservationOfWorkThatWasChanged(t *testing.T) {
	options := background.RunnerOptions{Workers: 1, Queue: 2, Overflow: background.Reject}
	for name, c := range map[string]struct {
		change func(*background.Tasks)
		err    error
	}{
		"grown":   {func(work *background.Tasks) { work.Add(task("one more", t.FailNow)) }, background.ErrFull},
		"cleared": {(*background.Tasks).Clear, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options, func(t *testing.T, r *background.Runner) {
				release := make(chan struct{})
				defer close(release)
				fill(t, r, 2, release)
				work := collection(1, task("reserved", t.FailNow))
				v, err := r.Reserve(work)
				require.NoError(t, err)
				c.change(work)
				require.Equal(t, c.err, v.Start(t.Context(), nil))
				assert.NoError(t, r.Submit(t.Context(), held("fits", release)))
				require.ErrorIs(t, r.Submit(t.Context(), task("too much", t.FailNow)), background.ErrFull)
			})
		})
	}
}

// TestReservationOfWorkThatCantRunAnyMore: it is not used up by a Start that panics.
func TestReservationOfWorkThatCantRunAnyMore(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		work := collection(1, task("reserved", t.FailNow))
		v, err := r.Reserve(work)
		require.NoError(t, err)
		work.MaxConcurrent = -1
		assert.Panics(t, func() { _ = v.Start(t.Context(), nil) })
		v.Cancel()
		require.NoError(t, r.Idle(t.Context()))
	})
}
