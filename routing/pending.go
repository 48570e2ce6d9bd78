package routing

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// pending holds the requests that are not over when their route has returned:
// their response has work, or is a stream. What may lose a request finds it here.
// It is in it until somebody has closed it, or no work is left to be lost: then
// fasthttp alone ends it, since streams may be many, and each of them would take
// the requests of other connections a look at the rest.
//
// Middleware can't take a request out, as it could a user value. And it is found
// by its number, since middleware may have called next with a copy of the
// fasthttp.RequestCtx. Those that no server made have no numbers of their own, and
// are found by their RequestCtx.
type pending struct {
	// Almost always a slot has one request at most, which costs no mutex. A
	// connection keeps to one slot, and so does its processor.
	slots [64]pendingSlot
	late  lateRequests
}

type pendingSlot struct {
	first atomic.Pointer[request]
	more  atomic.Int32 // how many there are in rest

	mu   sync.Mutex            // guards rest
	rest map[uint32][]*request // by connection: streams may be many, and stay for hours

	_ [32]byte // up to 64, so that no two slots share a cache line
}

func (p *pending) slot(connection uint32) *pendingSlot {
	return &p.slots[connection%uint32(len(p.slots))]
}

// isEmpty reports whether a slot has no requests.
func (p *pending) isEmpty(connection uint32) bool {
	slot := p.slot(connection)
	return slot.first.Load() == nil && slot.more.Load() == 0
}

func (p *pending) add(r *request) {
	connection := r.connection()
	slot := p.slot(connection)
	if slot.first.CompareAndSwap(nil, r) {
		return
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.rest == nil {
		slot.rest = make(map[uint32][]*request)
	}
	slot.rest[connection] = append(slot.rest[connection], r)
	slot.more.Add(1)
}

// remove does nothing for a request that is not there.
func (p *pending) remove(r *request) {
	connection := r.connection()
	slot := p.slot(connection)
	if slot.first.CompareAndSwap(r, nil) || slot.more.Load() == 0 {
		return
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	requests := slot.rest[connection]
	i := slices.Index(requests, r)
	if i < 0 {
		return
	}
	if slot.more.Add(-1); len(requests) == 1 {
		delete(slot.rest, connection)
	} else {
		slot.rest[connection] = slices.Delete(requests, i, i+1)
	}
}

func (p *pending) all() (requests []*request) {
	for i := range p.slots {
		slot := &p.slots[i]
		if r := slot.first.Load(); r != nil {
			requests = append(requests, r)
		}
		slot.mu.Lock()
		for _, more := range slot.rest {
			requests = append(requests, more...)
		}
		slot.mu.Unlock()
	}
	return requests
}

// others returns the requests of a connection besides the first of the slot.
func (slot *pendingSlot) others(connection uint32) []*request {
	if slot.more.Load() == 0 {
		return nil
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	return slices.Clone(slot.rest[connection])
}

// lateRequests are the numbers of the requests that a middleware has answered
// by TimeoutError. fasthttp has let go of such a request, and another goroutine
// may still be at its handler, as with fasthttp.TimeoutHandler. To ask the
// request itself would be a race with TimeoutError.
type lateRequests struct {
	count atomic.Int64

	mu      sync.Mutex // guards numbers
	numbers map[uint64]struct{}
}

// add notes that raw is late, as long as somebody still has it.
func (l *lateRequests) add(raw *fasthttp.RequestCtx) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.numbers == nil {
		l.numbers = make(map[uint64]struct{})
	}
	l.numbers[raw.ID()] = struct{}{}
	l.count.Store(int64(len(l.numbers)))
	runtime.AddCleanup(raw, l.remove, raw.ID())
}

func (l *lateRequests) remove(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.numbers, number)
	l.count.Store(int64(len(l.numbers)))
}

func (l *lateRequests) has(number uint64) bool {
	if l.count.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, late := l.numbers[number]
	return late
}
