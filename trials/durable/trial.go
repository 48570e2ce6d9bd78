package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type trial struct {
	log    *log.Logger
	engine string
	server string        // the URL of a PostgreSQL server that is there; empty for one of the trial's own
	length time.Duration // of the chaos
	seed   uint64
	rate   int
	most   int64         // tasks may wait before orders do; zero for any number
	pause  time.Duration // between two ends of processes, on average
	away   time.Duration // how long the database is
	settle time.Duration // within which all has to be done afterwards

	folder  string // of all its files
	cleanup []func() error
	random  *mathrand.Rand
	book    *book
	crew    *crew
	clients *clients
	outages []outage
	all     []disturbance
	poison  int64       // deadly tasks that were stored
	full    atomic.Bool // more tasks wait than may
}

const (
	sqliteEngine   = "sqlite"
	postgresEngine = "postgres"
)

// run does the trial and logs what it found.
func (t *trial) run() (err error) {
	t.log.Printf("%s, seed %d", t.engine, t.seed)
	t.random = mathrand.New(mathrand.NewPCG(t.seed, 0))
	defer func() {
		for i := range t.cleanup {
			err = errors.Join(err, t.cleanup[len(t.cleanup)-1-i]())
		}
	}()
	if err := t.prepare(); err != nil {
		return err
	}
	stop := make(chan struct{})
	var load sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); load.Wait() })
	defer end()
	for _, s := range t.crew.slots {
		if err := t.crew.start(s, false); err != nil {
			return err
		}
	}
	load.Go(func() { t.clients.run(stop) })
	if t.most > 0 {
		load.Go(func() { t.pace(stop) })
	}
	if err := t.chaos(); err != nil {
		return err
	}
	end()
	if err := errors.Join(t.clients.err, t.crew.renew()); err != nil {
		return err
	}
	if t.crew.figures.atLast, err = t.untilDone("", t.settle+patience); err != nil { // deadly tasks take their time
		return fmt.Errorf("in the end: %w", err)
	}
	t.crew.endAll(true)
	return t.judge()
}

// prepare makes the database, and all that is needed besides.
func (t *trial) prepare() (err error) {
	if t.folder, err = os.MkdirTemp("", "durable"); err != nil {
		return err
	}
	t.cleanup = append(t.cleanup, func() error { return os.RemoveAll(t.folder) }) //nolint:gosec // it was made here
	ledger, err := os.Create(filepath.Join(t.folder, "ledger"))
	if err != nil {
		return err
	}
	t.cleanup = append(t.cleanup, ledger.Close)
	t.clients = &clients{rate: t.rate, file: ledger}
	t.crew = newCrew(t.clients.allowance)
	t.clients.addresses = t.crew.addresses
	t.clients.wait = func() bool { return t.full.Load() && !t.crew.away.Load() } // what is away has to refuse
	switch t.engine {
	case sqliteEngine:
		t.crew.place, err = t.prepareSQLite()
	case postgresEngine:
		t.crew.place, err = t.preparePostgres()
	default:
		err = fmt.Errorf("there is no engine %q", t.engine)
	}
	if err != nil {
		return err
	}
	t.cleanup = append(t.cleanup, func() error { t.crew.endAll(false); return nil })
	return nil
}

func (t *trial) prepareSQLite() (place string, err error) {
	folder := filepath.Join(t.folder, "disk")
	if err := os.Mkdir(folder, 0o700); err != nil { //nolint:gosec // it was made here
		return "", err
	}
	d, err := newDisk(folder)
	if err != nil {
		t.log.Printf("no disk can be made full, so none is: %v", err)
		d = nil
	} else {
		t.cleanup = append(t.cleanup, d.remove)
	}
	place = filepath.Join(folder, "shop.db")
	t.all = ofSQLite(place, d)
	return place, t.openBook(place)
}

func (t *trial) preparePostgres() (place string, err error) {
	if t.server == "" {
		folder := filepath.Join(t.folder, "server")
		if err := errors.Join(os.Chmod(t.folder, 0o711), os.Mkdir(folder, 0o700)); err != nil { //nolint:gosec // the server is another user
			return "", err
		}
		own, err := newCluster(folder)
		if err != nil {
			return "", err
		}
		t.cleanup = append(t.cleanup, func() error { return own.stop("immediate") })
		err = t.openBook(own.url())
		t.all = ofPostgres(t.book, t.crew, own)
		return own.url(), err
	}
	t.log.Print("the server is not ours, so it is not stopped")
	place, err = t.newDatabase()
	if err != nil {
		return "", err
	}
	err = t.openBook(place)
	t.all = ofPostgres(t.book, t.crew, nil)
	return place, err
}

// newDatabase makes a database on a server that is there.
func (t *trial) newDatabase() (place string, err error) {
	at, err := url.Parse(t.server)
	if err != nil {
		return "", err
	}
	db, err := sql.Open("pgx", t.server)
	if err != nil {
		return "", err
	}
	t.cleanup = append(t.cleanup, db.Close)
	name := "trial_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(context.Background(), "create database "+name); err != nil {
		return "", err
	}
	t.cleanup = append(t.cleanup, func() error {
		_, err := db.ExecContext(context.Background(), "drop database "+name+" with (force)")
		return err
	})
	at.Path = "/" + name
	return at.String(), nil
}

func (t *trial) openBook(place string) (err error) {
	if t.book, err = openBook(place); err == nil {
		t.cleanup = append(t.cleanup, t.book.db.Close)
	}
	return err
}

// pace looks whether more tasks wait than may, until stop is closed. If more orders are
// taken than this machine can work, the queue grows, and a task that is tried again comes
// to its end: in the end nothing is ever done.
func (t *trial) pace(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		n, err := t.book.number(waiting)
		t.full.Store(err == nil && n > t.most)
	}
}

const (
	// outageEvery is the longest time between two outages.
	outageEvery = 20 * time.Second

	// deadlyWithin is how long a deadly task may be there while processes are ended, besides
	// the time within which all has to be done.
	deadlyWithin = time.Minute
)

// chaos ends processes and disturbs the database until its time is over, and each
// disturbance was there once.
func (t *trial) chaos() error {
	begun := time.Now()
	every := min(outageEvery, t.length/time.Duration(2*len(t.all)+2))
	next := begun.Add(every)
	harmless := begun // the last time that no deadly task was there
	for time.Since(begun) < t.length || len(t.outages) < len(t.all) {
		if err := t.crew.wait(time.Duration(t.random.Int64N(int64(2 * t.pause)))); err != nil {
			return err
		}
		poisoned, err := t.book.number(poison)
		if err != nil {
			return err
		}
		if poisoned == 0 {
			harmless = time.Now()
		} else if limit := t.settle + deadlyWithin + t.clients.allowance(); time.Since(harmless) > limit {
			return fmt.Errorf("a deadly task is there after %v: %v", limit, t.book.look("kind = '"+deadly+"' and state <> 'discarded'"))
		}
		if poisoned > 0 || time.Now().Before(next) { // what kills again and again would be blamed on the outage
			if err := t.event(); err != nil {
				return err
			}
			continue
		}
		if err := t.disturb(t.all[len(t.outages)%len(t.all)]); err != nil {
			return err
		}
		if len(t.outages)%2 == 1 { // not before one: the processes are to see it to its end
			if err := t.storePoison(); err != nil {
				return err
			}
		}
		next = time.Now().Add(every)
	}
	return nil
}

// event ends one or two processes, and starts others in their place.
func (t *trial) event() error {
	c := t.crew
	s := c.slots[t.random.IntN(len(c.slots))]
	isNew := s.process.isNew
	switch n := t.random.IntN(20); {
	case n < 11:
		c.kill(s)
	case n < 16: // a deployment, of which the version may be another one
		isNew = t.random.IntN(2) == 0
		c.terminate(s)
	case n < 18: // two at once
		other := c.slots[(t.random.IntN(len(c.slots)-1)+1+slotOf(c, s))%len(c.slots)]
		c.kill(s)
		wasNew := other.process.isNew
		c.kill(other)
		if err := c.start(other, wasNew); err != nil {
			return err
		}
	default: // a rolling restart of all
		isNew = t.random.IntN(2) == 0
		for _, other := range c.slots {
			c.terminate(other)
			if err := c.start(other, isNew); err != nil {
				return err
			}
		}
		c.figures.rolls++
		return nil
	}
	return c.start(s, isNew)
}

func slotOf(c *crew, s *slot) int {
	for i := range c.slots {
		if c.slots[i] == s {
			return i
		}
	}
	return 0
}

// storePoison has a task stored that kills the processes which work it.
func (t *trial) storePoison() error {
	return firstOf(func() error {
		body := fmt.Sprintf(`{"id":%d,"how":"bare"}`, t.poison+1)
		response, err := http.Post("http://"+t.clients.pick()+"/poison", "application/json", strings.NewReader(body)) //nolint:gosec // it is a process of ours
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		if response.StatusCode != http.StatusCreated {
			return errors.New("a deadly task was answered with " + response.Status)
		}
		t.poison++
		return nil
	})
}
