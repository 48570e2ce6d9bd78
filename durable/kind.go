package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
)

// KindOptions are what the tasks of a kind have in a queue, and not in memory.
type KindOptions[A any] struct {
	// Unique returns the key of a task by its argument. Of one key there is only one task
	// that has not ended: another one is not stored, as if it had been. An empty key is
	// that of none.
	Unique func(argument A) string

	// Priority is from 1, which is the default, to 4: a task is not begun while there
	// are others of a lower number.
	Priority int
}

// With returns the definition of a kind that has options, to be given to Open.
func With[A any](k background.Kind[A], options KindOptions[A]) background.Definition {
	w := kindWithOptions{Kind: k, priority: options.Priority}
	if options.Unique != nil {
		w.unique = func(argument []byte) (string, error) {
			var a A
			if err := json.Unmarshal(argument, &a); err != nil {
				return "", err
			}
			return options.Unique(a), nil
		}
	}
	return w
}

// definition is background.Definition under a name that an embedded field may have.
type definition = background.Definition

type kindWithOptions struct {
	Kind     definition
	unique   func(argument []byte) (string, error)
	priority int
}

// Name implements [background.Definition].
func (k kindWithOptions) Name() string { return k.Kind.Name() }

// Restore implements [background.Definition].
func (k kindWithOptions) Restore(r background.Record) (*background.Task, error) {
	return k.Kind.Restore(r)
}

// Limit implements [background.Definition].
func (k kindWithOptions) Limit() *background.Limit { return k.Kind.Limit() }

// kind is a kind as a queue has it.
type kind struct {
	kindWithOptions

	gate *gate // nil without a limit
}

func newKind(d background.Definition, gates gates) (*kind, error) {
	if d == nil {
		return nil, fmt.Errorf("durable: a kind is nil")
	}
	k := &kind{}
	if with, ok := d.(kindWithOptions); ok {
		k.kindWithOptions = with
	} else {
		k.Kind = d
	}
	switch {
	case !kindName.MatchString(k.Name()):
		return nil, fmt.Errorf("durable: the kind %q can't be stored: a name has 2 to 127 letters, digits and -_./:+<>[], and begins with a letter, a digit or _", k.Name())
	case k.priority < 0 || k.priority > 4:
		return nil, fmt.Errorf("durable: the priority of kind %q is %d, it has to be from 1 to 4", k.Name(), k.priority)
	}
	k.gate = gates.of(k.Limit())
	return k, nil
}

// queueName is what the engine takes for the name of a queue.
var queueName = regexp.MustCompile(`\A[a-z0-9]+([_-]?[a-z0-9]+)*\z`)

// queue returns the name of the engine's queue for a kind with a limit: one of its own, so
// that its tasks hold up no others while they wait.
func (k *kind) queue() string {
	name := "limited-" + k.Name()
	if len(name) > 50 || !queueName.MatchString(name) {
		readable := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-")
		name = fmt.Sprintf("%s-%08x", strings.Trim(readable[:min(len(readable), 50)], "-"), crc32.ChecksumIEEE([]byte(k.Name())))
	}
	return name
}

// gates are the limits of a process.
type gates map[*background.Limit]*gate

// of returns the gate of a limit; nil for nil.
func (g gates) of(l *background.Limit) *gate {
	if l == nil {
		return nil
	}
	if g[l] == nil {
		o := l.Options()
		g[l] = &gate{}
		if o.Concurrent > 0 {
			g[l].slots = make(chan struct{}, o.Concurrent)
		}
		if o.PerSecond > 0 {
			g[l].every = time.Duration(float64(time.Second) / o.PerSecond)
			g[l].ahead = g[l].every * time.Duration(max(o.Burst-1, 0))
		}
	}
	return g[l]
}

// A gate keeps a limit in this process.
type gate struct {
	slots chan struct{} // nil for any number at once
	every time.Duration // between two starts, zero for none
	ahead time.Duration // how far a burst may be ahead of that

	mu   sync.Mutex
	next time.Time // when the next one may start, were there no burst
}

// workers returns how many tasks of a kind may be in hand.
func (g *gate) workers(most int) int {
	if g.slots == nil {
		return most
	}
	return min(cap(g.slots), most)
}

// enter waits until a task may start, or ctx is done, and returns what is to be called at
// its end.
func (g *gate) enter(ctx context.Context) (leave func()) {
	if g == nil {
		return func() {}
	}
	if g.slots != nil {
		select {
		case g.slots <- struct{}{}:
		case <-ctx.Done():
			return func() {}
		}
	}
	leave = func() {
		if g.slots != nil {
			<-g.slots
		}
	}
	timer := time.NewTimer(g.turn(time.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return leave
}

// turn takes the next start, and returns how long it is until then.
func (g *gate) turn(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next.Before(now) {
		g.next = now
	}
	wait := g.next.Sub(now) - g.ahead
	g.next = g.next.Add(g.every)
	return wait
}
