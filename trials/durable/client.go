package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// An entry of the ledger is an order as its client knows it.
type entry struct {
	ID     int64         `json:"id"`
	How    string        `json:"how"`
	Status int           `json:"status"` // zero without an answer
	Kinds  []string      `json:"kinds,omitempty"`
	Sent   time.Time     `json:"sent"`
	Took   time.Duration `json:"took"`
}

// The clients take note of what they are told, in a file of their own.
type clients struct {
	rate      int                    // orders a second
	addresses func() map[string]bool // of those who take orders
	wait      func() bool            // whether no order is to be sent now

	mu      sync.Mutex // guards what follows
	file    *os.File   // the ledger
	entries []entry
	slowest time.Duration // of the answers that need no database
	err     error         // of the file
}

// atOnce is how many orders are under way at most: those for which there is no room when
// it is their turn are not sent.
const atOnce = 64

// run sends orders until stop is closed.
func (c *clients) run(stop <-chan struct{}) {
	transport := &http.Transport{MaxIdleConnsPerHost: atOnce}
	defer transport.CloseIdleConnections()
	sender := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	ticker := time.NewTicker(time.Second / time.Duration(c.rate))
	defer ticker.Stop()
	room := make(chan struct{}, atOnce)
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { c.lookIfAlive(stop) })
	for id := int64(1); ; {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		if c.wait() {
			continue
		}
		select {
		case room <- struct{}{}:
			e := entry{ID: id, How: ways[rand.IntN(len(ways))], Sent: time.Now()}
			id++
			sending.Go(func() {
				c.send(sender, &e)
				c.note(e)
				<-room
			})
		default:
		}
	}
}

// pick returns the address of one that takes orders; none while there is none.
func (c *clients) pick() string {
	for address := range c.addresses() { // in a random order
		return address
	}
	return ""
}

// send sends an order, once.
func (c *clients) send(sender *http.Client, e *entry) {
	address := c.pick()
	if address == "" {
		return
	}
	text, err := json.Marshal(map[string]any{"id": e.ID, "how": e.How})
	if err != nil {
		panic(err)
	}
	response, err := sender.Post("http://"+address+"/order", "application/json", bytes.NewReader(text)) //nolint:gosec // it is a process of ours
	if err != nil {
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	e.Took = time.Since(e.Sent)
	if err != nil {
		return
	}
	e.Status = response.StatusCode
	var told created
	if e.Status == http.StatusCreated && json.Unmarshal(body, &told) == nil {
		e.Kinds = told.Kinds
	}
}

// note writes an entry into the ledger.
func (c *clients) note(e entry) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = append(c.entries, e)
	if _, err := c.file.Write(append(line, '\n')); err != nil {
		c.err = err
	}
}

// ledger returns the entries until now.
func (c *clients) ledger() []entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.entries)
}

// lookIfAlive asks for what needs no database, by connections that are kept: how long that
// takes is how busy the machine is.
func (c *clients) lookIfAlive(stop <-chan struct{}) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	sender := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		begun := time.Now()
		response, err := sender.Get("http://" + c.pick() + "/alive") //nolint:gosec // it is a process of ours
		if err != nil {
			continue // it was killed
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if err == nil {
			c.mu.Lock()
			c.slowest = max(c.slowest, time.Since(begun))
			c.mu.Unlock()
		}
	}
}

// allowance is what a bound is extended by, since the machine is busy.
func (c *clients) allowance() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slowest
}
