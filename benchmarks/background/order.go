package background

import (
	"fmt"
	"sync/atomic"
	"time"
)

// An Order is what two background tasks are made of: a mail is sent, and the
// inventory is updated.
type Order struct {
	Email string
	ID    string
	Items []string
	Shop  *Shop
}

// A Shop does the tasks of orders.
type Shop struct {
	// Effort is how long a task computes.
	Effort time.Duration

	mails, updates atomic.Int64
}

// Confirm stands for a mail.
func (s *Shop) Confirm(email, id string) {
	if email == "" || id == "" {
		panic("a confirmation lost its argument")
	}
	Compute(s.Effort)
	s.mails.Add(1)
}

// Take stands for an update of the inventory.
func (s *Shop) Take(items []string) {
	if len(items) == 0 {
		panic("an update lost its argument")
	}
	Compute(s.Effort)
	s.updates.Add(1)
}

// Done returns how many mails and updates there were.
func (s *Shop) Done() (mails, updates int) {
	return int(s.mails.Load()), int(s.updates.Load())
}

// Compute keeps a processor busy.
func Compute(d time.Duration) {
	if d == 0 {
		return
	}
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

// NewOrder returns an order at a shop.
func NewOrder(shop *Shop) *Order {
	return &Order{Email: "ada@example.com", ID: "web-3-05", Items: []string{"A-1", "B-2", "C-3"}, Shop: shop}
}

// Await waits until the tasks of n orders have been done, and reports what is
// missing after a minute, or too much.
func (s *Shop) Await(n int) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		mails, updates := s.Done()
		if mails == n && updates == n {
			return nil
		}
		if max(mails, updates) > n || time.Now().After(deadline) {
			return fmt.Errorf("%d mails and %d updates for %d orders", mails, updates, n)
		}
	}
}
