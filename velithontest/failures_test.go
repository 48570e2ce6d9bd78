package velithontest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/velithontest"
)

// An observed test notes how it fails.
type observed struct {
	testing.TB
	mu       sync.Mutex // guards failures
	failures []string
	cleanups []func()
}

func (o *observed) Errorf(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures = append(o.failures, fmt.Sprintf(format, args...))
}

func (o *observed) Error(args ...any) { o.Errorf("%s", fmt.Sprint(args...)) }
func (o *observed) Cleanup(f func())  { o.cleanups = append(o.cleanups, f) }
func (o *observed) all() (all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append(all, o.failures...)
}

// Fatalf ends the test by a panic, which failure recovers from.
func (o *observed) Fatalf(format string, args ...any) {
	o.Errorf(format, args...)
	panic(o)
}

// failuresOf runs a test, in a bubble, and returns how it has failed.
func failuresOf(t *testing.T, test func(t *observed)) (failures []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &observed{TB: t}
		func() {
			defer func() {
				if v := recover(); v != nil && v != any(o) {
					panic(v)
				}
			}()
			test(o)
		}()
		for _, cleanup := range slices.Backward(o.cleanups) {
			cleanup()
		}
		failures = o.all()
	})
	return failures
}

// appOf returns an app whose one route schedules work of that kind.
func appOf(work func(context.Context) error, d time.Duration) *velithon.App {
	app := velithon.New(velithon.Options{Logger: quiet})
	app.Post("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
		return responses.JSON("taken", background.Func("work", work).After(d)), nil
	})
	return app
}

func succeed(context.Context) error { return nil }

func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		test func(t *observed)
		want []string
	}{
		"none": {func(t *observed) {
			velithontest.Post[string](velithontest.New(t, appOf(succeed, 0)), "/", nil)
		}, nil},
		"due later": {func(t *observed) {
			velithontest.Post[string](velithontest.New(t, appOf(succeed, time.Hour)), "/", nil)
		}, nil},
		"told before": {func(t *observed) {
			app := appOf(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 0)
			velithontest.Post[string](velithontest.New(t, app), "/", nil)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			assert.Error(t, app.Shutdown(ctx))
		}, nil},
		"Wait while tasks are held": {func(t *observed) {
			kit := velithontest.New(t, appOf(succeed, 0))
			kit.Hold()
			velithontest.Post[string](kit, "/", nil)
			kit.Wait()
		}, []string{`velithontest: Wait would wait for tasks that are held, ["work"]: call Release before`}},
		"Wait for a queue that is away": {func(t *observed) {
			velithontest.New(t, appWith(&queue{counts: []int{1}, err: errors.New("away")})).Wait()
		}, []string{"velithontest: 1 stored tasks have not ended in 8760h0m0s: away"}},
		"Wait for a queue that nobody works": {func(t *observed) {
			velithontest.New(t, appWith(&queue{counts: slices.Repeat([]int{2}, 1_000)})).Wait()
		}, []string{"velithontest: 2 stored tasks have not ended in 8760h0m0s: context deadline exceeded"}},
		"Step of nothing": {func(t *observed) {
			kit := velithontest.New(t, appOf(succeed, 0))
			kit.Hold()
			velithontest.Post[string](kit, "/", nil)
			kit.Step("mail")
		}, []string{`velithontest: no task "mail" has come in 8760h0m0s; held are ["work"]`}},
		"work that does not end": {func(t *observed) {
			kit := velithontest.New(t, appOf(func(context.Context) error {
				time.Sleep(366 * 24 * time.Hour)
				return nil
			}, 0))
			velithontest.Post[string](kit, "/", nil)
			kit.Wait()
		}, []string{"velithontest: background work has not ended in 8760h0m0s: "}},
		"work that a shutdown gives up": {func(t *observed) {
			block := make(chan struct{})
			t.Cleanup(func() { close(block) })
			never := func(context.Context) error { <-block; return nil }
			velithontest.Post[string](velithontest.New(t, appOf(never, 0)), "/", nil)
		}, []string{"velithontest: shut down the app: background: drain"}},
		"a hook that holds up": {func(t *observed) {
			app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{
				OnFailure: func(context.Context, *background.TaskError) { time.Sleep(time.Hour) },
			}})
			app.Post("/", func(context.Context, struct{}) (responses.JSONResponse[string, *background.Task], error) {
				return responses.JSON("taken", background.Func("work", func(context.Context) error { return errGreylisted })), nil
			})
			kit := velithontest.New(t, app)
			kit.Hold()
			velithontest.Post[string](kit, "/", nil)
			kit.Step("work")
			kit.Held()
		}, []string{"velithontest: the app is still busy with a response that was read, or a task that has ended: "}},
		"an input that is no JSON": {func(t *observed) {
			velithontest.Post[string](velithontest.New(t, appOf(succeed, 0)), "/", func() {})
		}, []string{"velithontest: POST /: encode the input: json: unsupported type: func()"}},
		"a target that is no URL": {func(t *observed) {
			velithontest.Get[string](velithontest.New(t, appOf(succeed, 0)), "/%zz")
		}, []string{`velithontest: parse "/%zz": invalid URL escape "%zz"`}},
		"a field without a value": {func(t *observed) {
			velithontest.Get[string](velithontest.New(t, appOf(succeed, 0)), "/", "Authorization")
		}, []string{`velithontest: GET /: the field "Authorization" is not written as "Name: value"`}},
		"an answer of another type": {func(t *observed) {
			velithontest.Post[int](velithontest.New(t, appOf(succeed, 0)), "/", nil)
		}, []string{"velithontest: POST / answers 200 with what is no int: json: cannot unmarshal string into Go value of type int\n\"taken\""}},
		"after the shutdown": {func(t *observed) {
			app := appOf(succeed, 0)
			kit := velithontest.New(t, app)
			assert.NoError(t, app.Shutdown(t.Context()))
			velithontest.Get[string](kit, "/")
		}, []string{`velithontest: Get "/": `}},
		"a queue that does not start": {func(t *observed) {
			app := velithon.New(velithon.Options{Logger: quiet, Queue: brokenQueue{}})
			velithontest.Get[string](velithontest.New(t, app), "/")
		}, []string{"velithon: start the queue: no database", `velithontest: Get "/": `}},
	} {
		t.Run(name, func(t *testing.T) {
			got := failuresOf(t, test.test)
			require.Len(t, got, len(test.want), "%q", got)
			for _, want := range test.want { // two goroutines may tell
				assert.True(t, slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, want) }), "%q", got)
			}
		})
	}
}

// A brokenQueue has no database.
type brokenQueue struct{ velithon.Queue }

func (brokenQueue) Start(*background.Runner) error { return errors.New("no database") }
func (brokenQueue) Shutdown(context.Context) error { return nil }
func (brokenQueue) Holds(string) bool              { return false }

// A response that breaks off is told, and so is a stream that does not end when the
// app shuts down.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	got := failuresOf(t, func(t *observed) {
		app := velithon.New(velithon.Options{Logger: quiet})
		app.Get("/", func(context.Context, struct{}) (*responses.StreamResponse, error) {
			return responses.Stream("text/plain", func(w *responses.StreamWriter) error {
				_, err := w.WriteString("hello")
				return errors.Join(err, w.Flush(), errGreylisted)
			}), nil
		})
		velithontest.Get[string](velithontest.New(t, app), "/")
	})
	require.Equal(t, []string{"velithontest: GET /: read the answer: unexpected EOF"}, got)
}
