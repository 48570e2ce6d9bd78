package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background"
)

// The attacks of this file are on jobs: work that has an id, which clients
// schedule, follow and cancel.

var jobsLeft = attack{
	name:    "jobs-left",
	does:    "64 connections at a time ask for 4,000 jobs, later and limited ones among them, and follow a quarter of them to the end; others poll three times, read one event or none, or go before the answer",
	holds:   "a job that was taken is done once, whoever looks on; a stream whose client has gone gets an error, and ends with its job at the latest",
	service: jobbing,
	bounds:  bounds{memory: 128 << 20, goroutines: 2_500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		var promised, unread tally
		err := t.amongOthers(func() error {
			return each(64, func(i int) error {
				for n := t.size.of(4_000); i < n; i += 64 {
					if err := t.leaveJob(i, &promised, &unread); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		b, err := t.close()
		if err != nil {
			return err
		}
		if done := int64(b.Succeeded); b.Canceled > 0 || done < promised.Load() || done > promised.Load()+unread.Load() {
			return fmt.Errorf("%d jobs were promised, and %d asked for besides; there are %+v", promised.Load(), unread.Load(), b)
		}
		return nil
	},
}

// leaveJob asks for a job on a new connection, looks at it for a while, and goes.
func (t *trial) leaveJob(i int, promised, unread *tally) error {
	c, err := dial(t.service.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	query := fmt.Sprintf("after=%d&takes=%d&limited=%t", mathrand.IntN(50)*mathrand.IntN(3), mathrand.IntN(3), mathrand.IntN(2) == 0)
	if i%8 == 0 {
		unread.Add(1)
		_, err := c.Write(post("/jobs?"+query, typeJSON, ""))
		return err
	}
	id, err := t.ask(c, query)
	if err != nil || id == "" {
		return err
	}
	promised.Add(1)
	switch i % 4 {
	case 0: // it does not read what it asks for
		_, err = c.Write(get("/jobs/" + id + "/events"))
	case 1:
		err = c.follow(id, 1)
	case 2:
		for range 3 {
			if err == nil {
				_, _, err = t.job(c, "GET", id)
			}
		}
	case 3:
		err = c.follow(id, 1<<20)
	}
	return err
}

var jobsCancelled = attack{
	name:    "jobs-cancelled",
	does:    "64 connections ask for 10,000 jobs, cancel each at the moment it starts, and one that somebody else has asked for; 8 more cancel one job 20,000 times, which does not listen",
	holds:   "what was cancelled before it began is never begun; what runs is told; a further `Cancel` changes nothing",
	service: jobbing,
	bounds:  bounds{memory: 128 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		var promised, kept tally
		err := t.amongOthers(func() error {
			return both(
				func() error { return t.cancelAtStart(t.size.of(10_000), &promised, &kept) },
				func() error { return t.cancelOne(t.size.of(20_000), &promised) },
			)
		})
		if err != nil {
			return err
		}
		b, err := t.close()
		if err != nil {
			return err
		}
		t.notef("%d jobs: %d were cancelled before they began, %d while they ran, %d had ended or did not listen", promised.Load(), b.Kept, b.Canceled-b.Kept, b.Succeeded)
		if int64(b.Succeeded+b.Canceled) != promised.Load() || int64(b.Kept) != kept.Load() {
			return fmt.Errorf("%d jobs were promised, of which clients cancelled %d before they began; there are %+v", promised.Load(), kept.Load(), b)
		}
		return nil
	},
}

// cancelAtStart asks for n jobs, of which a third would never end, and cancels each
// as soon as it is answered. Of those who cancel a job before it begins one is told so.
func (t *trial) cancelAtStart(n int, promised, kept *tally) error {
	queries := []string{"after=1&takes=1", "takes=3600000", "limited=true&takes=1"}
	ids := make(chan string, 64)
	return t.overConnections(64, n, func(c *client, i int) error {
		id, err := t.ask(c, queries[i%len(queries)])
		if err != nil || id == "" {
			return err
		}
		promised.Add(1)
		other := id
		select {
		case other = <-ids:
		default:
		}
		for _, id := range []string{id, other} {
			_, now, err := t.job(c, "DELETE", id)
			if err != nil {
				return err
			}
			if now.kept() {
				kept.Add(1)
			}
		}
		select {
		case ids <- id:
		default:
		}
		return nil
	})
}

// cancelOne asks for a job that does not look at its context, and cancels it n times.
func (t *trial) cancelOne(n int, promised *tally) error {
	deaf, err := t.hang("deaf=true&takes=1000", 1)
	if err != nil {
		return err
	}
	promised.Add(1)
	return t.overConnections(8, n, func(c *client, _ int) error {
		_, _, err := t.job(c, "DELETE", deaf[0])
		return err
	})
}

var jobsLater = attack{
	name:    "jobs-later",
	does:    "64 connections ask for jobs that are due in an hour until no more are taken, and cancel all of them at once; then for as many that are due at the same moment",
	holds:   "a task that waits for its time has no worker; the handler looks at `Stats` and leaves half of the queue to others; tasks that are due take turns with others",
	service: jobbing,
	bounds:  bounds{memory: 64 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		var later, atOnce []string
		err := t.amongOthers(func() (err error) {
			if later, err = t.askUntilFull("after=3600000"); err != nil {
				return err
			}
			if err := t.wantWaiting(background.Scheduled, len(later)); err != nil {
				return err
			}
			if err := t.cancelInTime(later); err != nil {
				return err
			}
			due := time.Now().Add(2 * time.Second).UnixMilli()
			if atOnce, err = t.askUntilFull(fmt.Sprintf("at=%d&takes=5", due)); err != nil {
				return err
			}
			return t.untilDone()
		})
		if err != nil {
			return err
		}
		return t.wantBalance(balance{Succeeded: len(atOnce), Canceled: len(later), Kept: len(later)})
	},
}

var jobsLimited = attack{
	name:    "jobs-limited",
	does:    "64 connections ask for jobs of a limit of 2, of which 2 hang, until no more are taken, cancel every other one of those who wait, and then those that hang",
	holds:   "a task that waits for its limit has no worker; the handler looks at `Stats` and leaves half of the queue to others",
	service: jobbing,
	bounds:  bounds{memory: 64 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		var waiting, cancelled []string
		err := t.amongOthers(func() error {
			hang, err := t.hang("limited=true&takes=3600000", jobsAtOnce)
			if err != nil {
				return err
			}
			if waiting, err = t.askUntilFull("limited=true&takes=1"); err != nil {
				return err
			}
			if err := t.wantWaiting(background.Limited, len(waiting)); err != nil {
				return err
			}
			for i := 0; i < len(waiting); i += 2 {
				cancelled = append(cancelled, waiting[i])
			}
			if err := t.cancelInTime(cancelled); err != nil {
				return err
			}
			if err := t.cancelRunning(hang); err != nil {
				return err
			}
			return t.untilDone()
		})
		if err != nil {
			return err
		}
		return t.wantBalance(balance{
			Succeeded: len(waiting) - len(cancelled),
			Canceled:  len(cancelled) + jobsAtOnce,
			Kept:      len(cancelled),
		})
	},
}

var jobsUnknown = attack{
	name:    "jobs-unknown",
	does:    "64 connections ask for 100,000 jobs that do not exist, follow and cancel them, by ids that look right, that are long, and of jobs that ended; one job is under way",
	holds:   "an id is looked up and not kept: 404; jobs that have ended are forgotten after `Keep`",
	service: jobbing,
	bounds:  bounds{memory: 64 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		hang, err := t.hang("takes=3600000", 1)
		if err != nil {
			return err
		}
		ended := t.size.of(2_000)
		old := make(chan string, ended)
		err = t.amongOthers(func() error {
			err := t.overConnections(64, ended, func(c *client, _ int) error {
				id, err := t.ask(c, "takes=0")
				if err != nil {
					return err
				}
				old <- id
				return c.follow(id, 1<<20)
			})
			if err != nil {
				return err
			}
			time.Sleep(jobsKeep)
			close(old)
			return t.askForNone(t.size.of(100_000), old, hang[0])
		})
		if err != nil {
			return err
		}
		if err := t.cancelRunning(hang); err != nil {
			return err
		}
		return t.wantBalance(balance{Succeeded: ended, Canceled: 1})
	},
}

// askForNone sends n requests for jobs that are not there, and some for one that is.
func (t *trial) askForNone(n int, old <-chan string, there string) error {
	long := strings.Repeat("A", 7_000)
	return t.overConnections(64, n, func(c *client, i int) error {
		if i%100 == 0 {
			status, _, err := t.job(c, "GET", there)
			if err == nil && status != 200 {
				err = fmt.Errorf("the job under way is answered with %d", status)
			}
			return err
		}
		id, some := <-old
		if !some {
			id = rand.Text()
			if i%10 == 0 {
				id = long
			}
		}
		request := [][]byte{get("/jobs/" + id), get("/jobs/" + id + "/events"), []byte(head("DELETE", "/jobs/"+id))}[i%3]
		t.status(404)
		return c.want(404, request)
	})
}

// follow reads up to n events of a job, or to the end. The body is not closed, which
// would read the rest.
func (c *client) follow(id string, n int) error {
	if _, err := c.Write(get("/jobs/" + id + "/events")); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.reader, nil) //nolint:bodyclose // see above
	if err != nil {
		return err
	}
	if response.StatusCode == 404 {
		_, err = io.Copy(io.Discard, response.Body)
		return err // the desk looks whether it has ended
	}
	var last told
	for lines := bufio.NewScanner(response.Body); n > 0 && lines.Scan(); {
		text, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		before := last
		if err := json.Unmarshal([]byte(text), &last); err != nil {
			return err
		}
		if before.State.Ended() || last.State < background.Running && before.State == background.Running || last.Attempt < before.Attempt || last.ID != id {
			return fmt.Errorf("a client was told of job %s %+v after %+v", id, last, before)
		}
		n--
	}
	if n > 0 && !last.State.Ended() {
		return fmt.Errorf("the events of job %s ended with %+v", id, last)
	}
	return nil
}
