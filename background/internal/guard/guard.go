// Package guard calls code of the user, which may panic, or end its goroutine by
// runtime.Goexit, without harm to those who have more to do.
package guard

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Hooks calls hooks, and writes records to the log. The fields are not changed once
// it is used; then it is safe for concurrent use, as far as the user's code is.
type Hooks struct {
	Logger *slog.Logger                          // nil: slog.Default, as it is at the time of a record
	Attrs  func(ctx context.Context) []slog.Attr // a hook, named LogAttrs, for what is added to a record; may be nil
}

// Call calls a hook, unless it is nil, and logs its panic under its name.
func (h *Hooks) Call(ctx context.Context, name string, hook func()) {
	if hook == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			h.write(ctx, slog.LevelError, "background hook panicked",
				slog.String("hook", name),
				slog.Any("panic", v),
				slog.String("stack", string(debug.Stack())))
		}
	}()
	hook()
}

// Log writes a record with what Attrs adds, or without that if it panics or ends the
// goroutine. If the log handler panics the record is lost: there is nobody left to
// tell, and no reason to stop working.
func (h *Hooks) Log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	defer func() { h.write(ctx, level, message, attrs...) }() // also if the goroutine ends
	if h.Attrs != nil {
		h.Call(ctx, "LogAttrs", func() { attrs = append(attrs, h.Attrs(ctx)...) })
	}
}

func (h *Hooks) write(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	logger := h.Logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}

// Each calls f with each of all, in their order and one after the other. If a call
// ends the goroutine the rest is done on other ones before that. f must not panic.
func Each[E any](all []E, f func(E)) {
	next := 0
	callRest := func() {
		for next < len(all) {
			next++
			f(all[next-1])
		}
	}
	defer func() {
		for next < len(all) {
			var calls sync.WaitGroup
			calls.Go(callRest)
			calls.Wait()
		}
	}()
	callRest()
}

// As is errors.AsType for an error of the user's, whose methods may panic, as those of
// a nil pointer do: nothing is found then.
func As[E error](err error) (found E, ok bool) {
	defer func() { _ = recover() }()
	return errors.AsType[E](err)
}
