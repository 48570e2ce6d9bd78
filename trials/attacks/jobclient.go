package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon/background"
)

// This file has what the attacks on jobs have in common.

type tally struct{ atomic.Int64 }

// others is how many clients want quick work while jobs are attacked.
const others = 4

// both calls two functions at once, and returns an error of either.
func both(f, g func() error) error {
	return each(2, func(i int) error { return []func() error{f, g}[i]() })
}

// overConnections calls f n times, over some connections at once.
func (t *trial) overConnections(connections, n int, f func(c *client, i int) error) error {
	return t.hold(min(connections, n), func(i int, c *client) error {
		for ; i < n; i += connections {
			if err := f(c, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// ask asks for a job, and returns its id, or none if the service takes no more.
func (t *trial) ask(c *client, query string) (id string, err error) {
	status, body, err := c.do(post("/jobs?"+query, typeJSON, ""))
	if err != nil {
		return "", err
	}
	t.status(status)
	switch status {
	case 202:
		var now told
		err = json.Unmarshal(body, &now)
		return now.ID, err
	case 429:
		return "", nil
	}
	return "", fmt.Errorf("a job was answered with %d: %s", status, body)
}

// job asks for a job, or cancels it. It may have ended, and be forgotten then, for
// which the desk looks.
func (t *trial) job(c *client, method, id string) (status int, now told, err error) {
	status, body, err := c.do([]byte(head(method, "/jobs/"+id)))
	if err != nil {
		return 0, now, err
	}
	t.status(status)
	switch status {
	case 200:
		err = json.Unmarshal(body, &now)
	case 404, 409:
	default:
		err = fmt.Errorf("%s of a job was answered with %d: %s", method, status, body)
	}
	return status, now, err
}

// hang asks for n jobs, one after the other, and returns when they run.
func (t *trial) hang(query string, n int) (ids []string, err error) {
	return ids, t.overConnections(1, n, func(c *client, _ int) error {
		id, err := t.ask(c, query)
		if err != nil {
			return err
		}
		ids = append(ids, id)
		for begun := time.Now(); time.Since(begun) < patience; time.Sleep(time.Millisecond) {
			if _, now, err := t.job(c, "GET", id); err != nil || now.State == background.Running {
				return err
			}
		}
		return fmt.Errorf("a job does not run after %v", patience)
	})
}

// cancelRunning cancels jobs that run, and would not end.
func (t *trial) cancelRunning(ids []string) error {
	return t.overConnections(1, len(ids), func(c *client, i int) error {
		status, now, err := t.job(c, "DELETE", ids[i])
		if err == nil && (status != 200 || now.Attempt != 1) {
			err = fmt.Errorf("a job that runs was cancelled with %d, %+v", status, now)
		}
		return err
	})
}

// askUntilFull asks for jobs until the service takes no more, or a share of that.
func (t *trial) askUntilFull(query string) (ids []string, err error) {
	var mu sync.Mutex // guards ids
	err = t.overConnections(64, t.size.of(2*jobsWaiting), func(c *client, _ int) error {
		id, err := t.ask(c, query)
		if id != "" {
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, id)
		}
		return err
	})
	if most := jobsWaiting + 64; err == nil && len(ids) > most {
		err = fmt.Errorf("%d jobs were taken, want at most %d", len(ids), most)
	}
	return ids, err
}

// wantWaiting wants so many tasks to be in a state. The runner has a task once its
// response is on the wire, so that the last ones may not be there yet.
func (t *trial) wantWaiting(state background.State, n int) error {
	states, err := t.untilTasks(func(states map[background.State]int) bool { return states[state] >= n })
	if err == nil && states[state] != n {
		err = fmt.Errorf("%d jobs should be %s, and there are %v", n, state, states)
	}
	return err
}

// untilDone waits until next to no job is left.
func (t *trial) untilDone() error {
	_, err := t.untilTasks(func(states map[background.State]int) bool {
		return states[background.Scheduled] == 0 && states[background.Limited] == 0 && states[background.Waiting] <= others
	})
	return err
}

// untilTasks waits until there are such numbers of tasks by their states.
func (t *trial) untilTasks(are func(map[background.State]int) bool) (states map[background.State]int, err error) {
	c, err := dial(t.service.Address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(taskTime) {
		_, body, err := c.do(get("/jobs"))
		if err != nil {
			return nil, err
		}
		states = nil
		if err := json.Unmarshal(body, &states); err != nil || are(states) {
			return states, err
		}
	}
	return nil, fmt.Errorf("there are still %v after %v", states, patience)
}

// cancelInTime cancels jobs, and wants all of them not to have begun.
func (t *trial) cancelInTime(ids []string) error {
	return t.overConnections(64, len(ids), func(c *client, i int) error {
		status, now, err := t.job(c, "DELETE", ids[i])
		if err == nil && (status != 200 || !now.kept()) {
			err = fmt.Errorf("a job that waits was cancelled with %d, %+v", status, now)
		}
		return err
	})
}

// amongOthers calls f. Meanwhile other clients want quick work, one piece after the
// other, and all of it has to be done.
func (t *trial) amongOthers(f func() error) error {
	over := make(chan struct{})
	var done, most tally
	err := both(
		func() error {
			defer close(over)
			return f()
		},
		func() error {
			return t.hold(others, func(_ int, c *client) error { return quickly(c, over, &done, &most) })
		},
	)
	if err != nil {
		return err
	}
	if done.Load() == 0 {
		return fmt.Errorf("no quick work was done")
	}
	// What a busy machine leaves of turns taken one to one; in a line with all jobs
	// it would be as many as these.
	bound := int64(jobsWaiting / 4)
	t.wantf(most.Load() < bound, "%d times quick work was done, and at most %d jobs began while one waited", done.Load(), most.Load())
	return nil
}

// quickly asks for quick work until it is over.
func quickly(c *client, over <-chan struct{}, done, most *tally) error {
	for {
		status, body, err := c.do(post("/quick", typeJSON, ""))
		if err != nil {
			return err
		}
		var jobs count
		if err := json.Unmarshal(body, &jobs); err != nil || status != 200 {
			return fmt.Errorf("quick work was answered with %d: %s", status, body)
		}
		done.Add(1)
		for old := most.Load(); int64(jobs.Count) > old && !most.CompareAndSwap(old, int64(jobs.Count)); old = most.Load() {
		}
		select {
		case <-over:
			return nil
		case <-time.After(taskTime):
		}
	}
}

// close has the service compare its books, and returns what has become of the jobs.
func (t *trial) close() (b balance, err error) {
	c, err := dial(t.service.Address)
	if err != nil {
		return b, err
	}
	defer c.Close()
	status, body, err := c.do(post("/close", typeJSON, ""))
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(body, &b); err != nil || status != 200 {
		return b, fmt.Errorf("the books were closed with %d: %s", status, body)
	}
	if b.Sweeps < 2 {
		return b, fmt.Errorf("there were %d sweeps", b.Sweeps)
	}
	return b, nil
}

// wantBalance wants the jobs to have ended so.
func (t *trial) wantBalance(want balance) error {
	b, err := t.close()
	want.Sweeps = b.Sweeps
	if err == nil && b != want {
		err = fmt.Errorf("of the jobs there are %+v, and should be %+v", b, want)
	}
	return err
}
