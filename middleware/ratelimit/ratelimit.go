// Package ratelimit bounds how many requests each client may make. It is a module of its
// own, on golang.org/x/time/rate.
package ratelimit

import (
	"container/list"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/time/rate"

	"github.com/velithon-go/velithon/responses"
)

// Options says how much each client may.
type Options struct {
	// Requests are how many a client may make in each Window, in the long run. They come back
	// one after the other, so there is no end of a window to wait for.
	Requests int
	Window   time.Duration

	// Burst is how many may be made at once; 0 means Requests.
	Burst int

	// Key says whose request it is: by the address of [middleware.Proxies], for instance, or
	// by what a middleware in front has found. It is called by many goroutines at once. Requests
	// of the same key share what they may; those with "" are not limited. Who has an address of
	// IPv6 has 2^64 of them as a rule, all below one prefix of 64 bits: that is the key then.
	//
	// [middleware.Proxies]: https://pkg.go.dev/github.com/velithon-go/velithon/middleware#Proxies
	Key func(raw *fasthttp.RequestCtx) string

	// Clients is how many are kept at once, those that were seen last; 0 means 100,000, which
	// are 15 MB. A client that is forgotten begins anew.
	Clients int
}

// A Limit counts in this process. It may be used concurrently.
type Limit struct {
	options Options
	every   rate.Limit
	policy  []byte
	seed    maphash.Seed
	now     func() time.Time

	mu      sync.Mutex // guards what follows
	clients map[uint64]*list.Element
	recent  *list.List // of *client, the one seen last in front
}

// client is one that was seen. Its key is kept as a hash, so that a long one takes no room.
type client struct {
	key    uint64
	bucket *rate.Limiter
}

// New returns a limit. It panics when nobody could make a request, or nobody be told apart.
func New(o Options) *Limit {
	if o.Burst == 0 {
		o.Burst = o.Requests
	}
	if o.Clients == 0 {
		o.Clients = 100_000
	}
	switch {
	case o.Requests <= 0 || o.Window <= 0 || o.Burst < 0 || o.Clients < 0:
		panic(fmt.Sprintf("ratelimit: %d requests in %v, at most %d at once, of %d clients: want more than 0 of each", o.Requests, o.Window, o.Burst, o.Clients))
	case o.Window < time.Second:
		panic(fmt.Sprintf("ratelimit: the window %v is shorter than a second, which is the unit that clients are told", o.Window))
	case o.Key == nil:
		panic("ratelimit: Options.Key is nil: say whose a request is")
	}
	return &Limit{
		options: o,
		every:   rate.Limit(float64(o.Requests) / o.Window.Seconds()),
		policy:  fmt.Appendf(nil, `"default";q=%d;w=%d`, o.Requests, int(o.Window.Seconds())),
		seed:    maphash.MakeSeed(),
		now:     time.Now,
		clients: make(map[uint64]*list.Element),
		recent:  list.New(),
	}
}

// Middleware refuses with 429 and Retry-After what is too much. All answers to requests that
// count have the fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers):
// what is left, and after how many seconds all of it is there again.
func (l *Limit) Middleware(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		key := l.options.Key(raw)
		if key == "" {
			next(raw)
			return
		}
		left, wait := l.take(key)
		if wait > 0 {
			problem := responses.NewProblem(fasthttp.StatusTooManyRequests, "too many requests")
			problem.Header = responses.Header{fasthttp.HeaderRetryAfter: {strconv.Itoa(seconds(wait))}}
			responses.WriteProblem(raw, problem)
		} else {
			next(raw)
		}
		header := &raw.Response.Header
		if late := raw.LastTimeoutErrorResponse(); late != nil {
			header = &late.Header
		}
		full := time.Duration((float64(l.options.Burst) - left) / float64(l.every) * float64(time.Second))
		header.SetCanonical(hPolicy, l.policy)
		header.SetCanonical(hRateLimit, standing(int(left), seconds(full)))
	}
}

// Names in fasthttp's form.
var hPolicy, hRateLimit = []byte("Ratelimit-Policy"), []byte("Ratelimit")

// standing is what a client is told: how many requests are left, and after how many
// seconds all are.
func standing(left, full int) []byte {
	text := append(make([]byte, 0, 48), `"default";r=`...)
	text = strconv.AppendInt(text, int64(left), 10)
	text = append(text, ";t="...)
	return strconv.AppendInt(text, int64(full), 10)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// take counts a request of a client. It returns how many more there may be at once, and
// after which time there will be one if this is too much.
func (l *Limit) take(key string) (left float64, wait time.Duration) {
	hash := maphash.String(l.seed, key)
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.bucket(hash)
	if bucket.AllowN(now, 1) {
		return bucket.TokensAt(now), 0
	}
	left = bucket.TokensAt(now)
	return left, max(time.Duration((1-left)/float64(l.every)*float64(time.Second)), 1)
}

// bucket returns that of a client, and forgets the one that was seen longest ago where there
// are too many.
func (l *Limit) bucket(hash uint64) *rate.Limiter {
	if at, ok := l.clients[hash]; ok {
		l.recent.MoveToFront(at)
		return at.Value.(*client).bucket
	}
	if l.recent.Len() >= l.options.Clients {
		oldest := l.recent.Back()
		delete(l.clients, oldest.Value.(*client).key)
		l.recent.Remove(oldest)
	}
	c := &client{hash, rate.NewLimiter(l.every, l.options.Burst)}
	l.clients[hash] = l.recent.PushFront(c)
	return c.bucket
}
