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
	first atomic.Value // a func(context.Context) error
}

func newTroubled(first func(context.Context) error) *troubled {
	s := &troubled{fake: newFake("plain")}
	s.first.Store(first)
	return s
}

func (s *troubled) begin(ctx context.Context) error {
	s.calls.Add(1)
	return s.first.Load().(func(context.Context) error)(ctx)
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
		s := newTroubled(lasting(3 * time.Second))
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
	s := newTroubled(lasting(0))
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
		s.first.Store(lasting(9 * time.Second))
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

// What one has asked for is made for all, also if it leaves before.
func TestWhoLeavesTakesNothingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		get := dashboard.NewViews()
		first, leave := context.WithCancel(t.Context())
		ask := func(ctx context.Context) (any, error) { return "made", lasting(5 * time.Second)(ctx) }
		go func() { _, _ = get(first, "view", ask) }()
		synctest.Wait()
		leave()
		made, err := get(t.Context(), "view", ask)
		require.NoError(t, err)
		assert.Equal(t, "made", made)
	})
}

// sampled is a source whose panics are on a timer's goroutine.
type sampled struct {
	*troubled
	closed atomic.Bool
}

func (s *sampled) Closed() bool { return s.closed.Load() }

// A panic of a source is trouble of the source's, and ends nothing.
func TestTheSourcePanics(t *testing.T) {
	s := &sampled{troubled: newTroubled(func(context.Context) error { panic("no database") })}
	atFake(t, s, func(d *desk) {
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.GreaterOrEqual(t, s.calls.Load(), int64(12), "it is asked again")
		for _, path := range []string{"/admin/", "/admin/tasks", "/admin/task?id=1"} {
			assert.Contains(t, words(d.page(path)), "The work can't be asked for now.", path)
		}
		for _, record := range d.log.of(t, "the page of background work can't ask for it") {
			assert.Equal(t, "panic: no database", record["error"])
			assert.Contains(t, record["stack"], "trouble_test.go")
		}
		s.closed.Store(true)
	})
}

// An act has the time that a source may take, and is logged however it ends.
func TestActsThatGoWrong(t *testing.T) {
	for name, first := range map[string]func(context.Context) error{
		"panic: no database": func(context.Context) error { panic("no database") }, "context deadline exceeded": lasting(time.Hour),
	} {
		s := newTroubled(lasting(0))
		atFake(t, s, func(d *desk) {
			form := forms(d.page("/admin/task?id=plain"))["cancel"]
			s.first.Store(first)
			began := time.Now()
			a := d.post(form)
			assert.Equal(t, 500, a.status)
			assert.NotContains(t, a.text, "database", "the cause is nobody else's")
			assert.LessOrEqual(t, time.Since(began), 10*time.Second)
			records := d.log.of(t, "an act on background work was refused")
			require.Len(t, records, 1)
			assert.Equal(t, name, records[0]["error"])
			assert.Equal(t, "127.0.0.1", records[0]["by"])
		})
	}
}
