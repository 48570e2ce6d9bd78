package dashboard_test

import (
	"bufio"
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/dashboard"
)

// troubled is a source of which each call does something first.
type troubled struct {
	*fake
	calls atomic.Int64
	first func(ctx context.Context) error
}

func (s *troubled) begin(ctx context.Context) error {
	s.calls.Add(1)
	return s.first(ctx)
}

func (s *troubled) Overview(ctx context.Context) (dashboard.Overview, error) {
	return s.overview, s.begin(ctx)
}

func (s *troubled) Tasks(ctx context.Context, _ dashboard.Filter) (dashboard.Tasks, error) {
	return s.tasks, s.begin(ctx)
}

func (s *troubled) Task(ctx context.Context, _ string) (dashboard.Task, error) {
	return s.task, s.begin(ctx)
}

func (s *troubled) Do(ctx context.Context, _ dashboard.Act) error { return s.begin(ctx) }

// lasting returns what takes so long, or until its context ends.
func lasting(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Pages that ask at the same time share an answer also if it takes longer than a second, and
// a slow source is not asked all the time.
func TestASlowSourceIsAskedOnceForAll(t *testing.T) {
	for _, path := range []string{"/admin/", "/admin/tasks", "/admin/task?id=1"} {
		s := &troubled{fake: newFake("plain"), first: lasting(3 * time.Second)}
		atFake(t, s, func(d *desk) {
			began := time.Now()
			answers := make(chan answer)
			for range 100 {
				go func() { answers <- d.get(path) }()
			}
			for range 100 {
				assert.Equal(t, 200, (<-answers).status)
			}
			assert.EqualValues(t, 1, s.calls.Load(), path)
			assert.Less(t, time.Since(began), 4*time.Second, path)
			body := d.stream("page=overview")
			defer body.Close()
			go func() { _, _ = io.Copy(io.Discard, body) }()
			s.calls.Store(0)
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.LessOrEqual(t, s.calls.Load(), int64(11), "half of the time, and no more")
			assert.GreaterOrEqual(t, s.calls.Load(), int64(8))
		})
	}
}

// Who has left does not wait for what a source still has to say, nor does a shutdown.
func TestNobodyWaitsForASlowSourceWhoHasLeft(t *testing.T) {
	s := &troubled{fake: newFake("plain"), first: func(context.Context) error { return nil }}
	atFake(t, s, func(d *desk) {
		var streams []io.ReadCloser
		for range 3 {
			body := d.stream("page=overview")
			defer body.Close()
			lines := bufio.NewReader(body)
			for name := ""; name != "live"; {
				name, _ = event(t, lines)
			}
			streams = append(streams, body)
		}
		s.first = lasting(9 * time.Second)
		time.Sleep(2 * time.Second) // one asks, and the others wait
		ended := make(chan time.Time, len(streams))
		for _, body := range streams {
			go func() {
				_, _ = io.Copy(io.Discard, body)
				ended <- time.Now()
			}()
		}
		synctest.Wait()
		began := time.Now()
		require.NoError(t, d.app.Shutdown(context.Background()))
		assert.Less(t, (<-ended).Sub(began), time.Second)
		assert.Less(t, (<-ended).Sub(began), time.Second)
	})
}
