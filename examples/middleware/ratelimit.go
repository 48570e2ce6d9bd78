package main

import (
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// A rateLimit is how many requests a customer may make in a window of time, in
// this process. It forgets all of them when a window ends, so what it keeps is
// one number for each customer of the last minute.
type rateLimit struct {
	requests int
	window   time.Duration
	now      func() time.Time

	mu    sync.Mutex // guards what follows
	ends  time.Time
	taken map[string]int
}

// middleware comes behind that which tells who the customer is.
func (l *rateLimit) middleware(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		customer, _ := raw.UserValue(customerKey{}).(string)
		if wait, ok := l.take(customer); !ok {
			seconds := int(wait/time.Second) + 1
			responses.WriteProblem(raw, &responses.Problem{
				Status: 429,
				Detail: "too many requests",
				Header: responses.Header{"Retry-After": {strconv.Itoa(seconds)}},
			})
			return
		}
		next(raw)
	}
}

// take counts a request, or returns after which time there will be room for it.
func (l *rateLimit) take(customer string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !now.Before(l.ends) {
		l.ends = now.Add(l.window)
		l.taken = make(map[string]int)
	}
	if l.taken[customer] >= l.requests {
		return l.ends.Sub(now), false
	}
	l.taken[customer]++
	return 0, true
}
