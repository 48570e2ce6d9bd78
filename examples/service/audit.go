package main

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// audit writes down who did what, a line of JSON for each.
type audit struct {
	records background.Kind[auditRecord]

	mu sync.Mutex // guards w
	w  io.Writer
}

type auditRecord struct {
	Time      time.Time `json:"time"`
	Action    string    `json:"action"`
	Order     string    `json:"order"`
	Customer  string    `json:"customer"`
	RequestID string    `json:"request_id"`
}

func newAudit(w io.Writer) *audit {
	a := &audit{w: w}
	a.records = background.Define("audit", a.write, background.Retry{Attempts: 3})
	return a
}

// task writes the record once the response has been sent. The time is that of
// the action, not that of the task.
func (a *audit) task(action string, o order) *background.Task {
	r := auditRecord{Time: time.Now().UTC(), Action: action, Order: o.ID}
	return a.records.Task(r)
}

// write is the task. Its context has the values of the request, though the
// request is over.
func (a *audit) write(ctx context.Context, r auditRecord) error {
	r.Customer, r.RequestID = customerOf(ctx), routing.RequestID(ctx)
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	// Not a json.Encoder: after one error it fails for ever, retries and all.
	_, err = a.w.Write(append(line, '\n'))
	return err
}
