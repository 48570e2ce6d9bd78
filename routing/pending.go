package routing

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
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

// storedKey is that of the number of stored tasks among the user values.
type storedKey struct{}

// Scheduled returns how many tasks a request's response has: those that wait for it to be
// sent and those that were stored. It is for middleware such as an access log, once next
// has returned, in a server. After a timeout, and where a middleware has put a failure in
// place of a success, it is 0, but for those that were stored.
func Scheduled(raw *fasthttp.RequestCtx) (tasks int) {
	rt, ok := raw.UserValue(routeKey{}).(*route)
	if !ok || raw.LastTimeoutErrorResponse() != nil {
		return 0
	}
	tasks, _ = raw.UserValue(storedKey{}).(int)
	connection := uint32(raw.ConnID())
	slot := rt.engine.pending.slot(connection)
	if r := slot.first.Load(); r != nil {
		tasks += r.scheduled(raw)
	}
	for _, r := range slot.others(connection) {
		tasks += r.scheduled(raw)
	}
	return tasks
}

// scheduled returns how many tasks wait for the response in raw.
func (r *request) scheduled(raw *fasthttp.RequestCtx) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.exchange
	if r.number != raw.ID() || r.isOverLocked() || x.work == nil ||
		x.status < fasthttp.StatusBadRequest && raw.Response.StatusCode() >= fasthttp.StatusBadRequest {
		return 0
	}
	return count(x.work)
}

func count(work background.Work) int {
	switch work := work.(type) {
	case nil:
		return 0
	case *background.Tasks:
		return work.Len()
	default:
		return 1
	}
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
