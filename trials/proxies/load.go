package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A client sends orders, and asks for some, on connections that are kept alive.
type client struct {
	sent     int
	orders   []string // that were answered
	failures []string
	longest  time.Duration
}

// load has clients send requests until ctx is done. Each pauses half as long as
// the one before, so some connections are idle for a while and some never, and
// every other one speaks HTTP/2.
func (s *setup) load(ctx context.Context, clients []client, pause time.Duration) *sync.WaitGroup {
	running := new(sync.WaitGroup)
	for i := range clients {
		running.Go(func() {
			web := s.client(versions[i%2])
			defer web.CloseIdleConnections()
			for k := 0; ctx.Err() == nil; k++ {
				clients[i].send(web, fmt.Sprintf("%d-%d", i, k), k%4 == 0)
				if pause := pause >> i; pause > 0 {
					wait(ctx, rand.N(pause))
				}
			}
		})
	}
	return running
}

// send sends an order, or asks for one. The context of the load does not end
// it: a request that was sent is to be answered.
func (c *client) send(web *http.Client, id string, ask bool) {
	c.sent++
	begun := time.Now()
	var a answer
	var err error
	if ask {
		a, err = do(context.Background(), web, http.MethodGet, "/api/orders/"+id, nil, nil)
	} else {
		// net/http sends a POST again only where it knows that nobody took it.
		body := strings.NewReader(`{"id":"` + id + `","note":"` + strings.Repeat("x", rand.IntN(8<<10)) + `"}`)
		a, err = do(context.Background(), web, http.MethodPost, "/api/orders", http.Header{"Content-Type": {"application/json"}}, body)
	}
	c.longest = max(c.longest, time.Since(begun))
	var got order
	if err == nil {
		err = a.decode(&got)
	}
	switch {
	case err != nil:
		c.failures = append(c.failures, id+": "+err.Error())
	case got.ID != id:
		c.failures = append(c.failures, fmt.Sprintf("%s: answered with %q", id, got.ID))
	case !ask:
		c.orders = append(c.orders, id)
	}
}

// figures are what was counted while the instances were replaced.
type figures struct {
	replaced int           // instances
	sent     int           // requests
	lost     int           // requests that were not answered as they should be
	twice    int           // orders that were taken more than once
	longest  time.Duration // an instance's end
	slowest  time.Duration // an answer
}

func (f *figures) String() string {
	return fmt.Sprintf("%d requests while %d instances were replaced: %d lost, %d orders taken twice; the longest end took %v, the slowest answer %v",
		f.sent, f.replaced, f.lost, f.twice, f.longest.Round(time.Millisecond), f.slowest.Round(time.Millisecond))
}

// compare looks for all orders that were answered in the journal. The faults
// are what was wrong, in words.
func (f *figures) compare(clients []client, journal string) (faults []string) {
	taken := make(map[string]int)
	for id := range strings.Lines(journal) {
		taken[strings.TrimSpace(id)]++
	}
	for _, c := range clients {
		f.sent += c.sent
		f.lost += len(c.failures)
		f.slowest = max(f.slowest, c.longest)
		faults = append(faults, c.failures...)
		for _, id := range c.orders {
			if taken[id] == 0 {
				faults = append(faults, id+": answered, but not taken")
			}
		}
	}
	for id, times := range taken {
		if times > 1 {
			f.twice++
			faults = append(faults, fmt.Sprintf("%s: taken %d times", id, times))
		}
	}
	return faults
}
