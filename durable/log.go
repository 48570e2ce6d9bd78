package durable

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// engineLog is the log of the engine. Below a warning there are records for each task, and
// while the database is away there are some ten a second of the same.
type engineLog struct {
	slog.Handler

	recent *recent
}

// Enabled implements [slog.Handler].
func (h engineLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h engineLog) Handle(ctx context.Context, r slog.Record) error {
	if h.recent.has(r.Message, time.Now()) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h engineLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return engineLog{h.Handler.WithAttrs(attrs), h.recent}
}

// WithGroup implements [slog.Handler].
func (h engineLog) WithGroup(name string) slog.Handler {
	return engineLog{h.Handler.WithGroup(name), h.recent}
}

// recently is the time in which a message is written once.
const recently = 10 * time.Second

// recent has the messages that were written. The engine has some dozens.
type recent struct {
	mu   sync.Mutex // guards what follows
	when map[string]time.Time
}

// has reports whether a message was written a short time before now, and notes it else.
func (m *recent) has(message string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.when[message]; ok && now.Sub(last) < recently {
		return true
	}
	if m.when == nil {
		m.when = make(map[string]time.Time)
	}
	m.when[message] = now
	return false
}
