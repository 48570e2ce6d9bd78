package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

// A watcher knows what a service takes. It asks on a connection that it keeps, and
// on another one from begin on: the first may be idle for too long until then.
type watcher struct {
	*client
	service     *child.Process
	start, most usage
	stop        chan struct{}
	stopped     chan error
}

type usage struct {
	memory            int64
	goroutines, files int
}

// watch connects to a service that has just started.
func watch(service *child.Process) (*watcher, error) {
	c, err := dial(service.Address)
	if err != nil {
		return nil, err
	}
	w := &watcher{client: c, service: service, stop: make(chan struct{}), stopped: make(chan error, 1)}
	for range 2 { // the first answer starts what every service has
		if w.start, _, err = w.use("POST", "/settle"); err != nil {
			_ = c.Close()
			return nil, err
		}
	}
	w.most = w.start
	return w, nil
}

// use asks the service what it uses, which has no goroutines that are parked.
func (w *watcher) use(method, target string) (u usage, s state, err error) {
	_, body, err := w.do([]byte(head(method, target)))
	if err != nil {
		return u, s, fmt.Errorf("%s: %w", target, err)
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return u, s, fmt.Errorf("%s: %w: %s", target, err, body)
	}
	if len(s.Faults) > 0 {
		return u, s, fmt.Errorf("the service says: %s", strings.Join(s.Faults, "; "))
	}
	u.goroutines = s.Goroutines - s.Parked
	if u.memory, _, err = w.service.Memory(); err != nil {
		return u, s, err
	}
	u.files, err = w.service.OpenFiles()
	return u, s, err
}

// begin looks for the most until end.
func (w *watcher) begin() {
	_ = w.Close()
	go func() {
		c, err := dial(w.service.Address)
		if err != nil {
			w.stopped <- err
			return
		}
		w.client = c
		ticks := time.NewTicker(50 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-w.stop:
				w.stopped <- nil
				return
			case <-ticks.C:
			}
			u, _, err := w.use("GET", "/state")
			if err != nil {
				w.stopped <- err
				return
			}
			w.most.goroutines, w.most.files = max(w.most.goroutines, u.goroutines), max(w.most.files, u.files)
		}
	}()
}

// end adds the most memory, which the kernel keeps.
func (w *watcher) end() error {
	close(w.stop)
	if err := <-w.stopped; err != nil {
		return err
	}
	_, most, err := w.service.Memory()
	w.most.memory = most
	return err
}

// settle waits until the service has what it had at its start, and no more.
func (w *watcher) settle() (usage, error) {
	for deadline := time.Now().Add(settleTime); ; {
		u, s, err := w.use("POST", "/settle")
		if err != nil {
			return u, err
		}
		if u.goroutines <= w.start.goroutines && u.files <= w.start.files && s.Streams == 0 && s.Pending == 0 {
			return u, nil
		}
		if time.Now().After(deadline) {
			return u, fmt.Errorf("the service has not recovered: it began with %+v, and has %+v, %+v", w.start, u, s)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
