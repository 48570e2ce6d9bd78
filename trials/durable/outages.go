package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/velithon-go/velithon/durable/sqlite"
)

// A disturbance is what can be done to a database.
type disturbance struct {
	what  string
	begin func() error
	end   func() error
}

// ofSQLite returns those of a file. d is nil if its disk can't be made full.
func ofSQLite(place string, d *disk) []disturbance {
	var db *sql.DB
	var tx *sql.Tx
	all := []disturbance{{
		what: "locked by another connection",
		begin: func() (err error) {
			if db, err = sqlite.OpenDB(place); err != nil {
				return err
			}
			return firstOf(func() error {
				tx, err = db.BeginTx(context.Background(), nil)
				return err
			})
		},
		end: func() error { return errors.Join(tx.Rollback(), db.Close()) },
	}}
	if d != nil {
		all = append(all, disturbance{"on a full disk", d.fill, d.free})
	}
	return all
}

// ofPostgres returns those of a database. own is nil if its server is somebody else's,
// which is not stopped.
func ofPostgres(b *book, c *crew, own *cluster) (all []disturbance) {
	var tx *sql.Tx
	var stopped *process
	if own != nil {
		all = append(all,
			disturbance{"stopped as by a crash", func() error { return own.stop("immediate") }, own.start},
			disturbance{"frozen", own.freeze, own.thaw},
			disturbance{"stopped", func() error { return own.stop("fast") }, own.start},
		)
	}
	all = append(all, disturbance{
		what: "locked by another session",
		begin: func() (err error) {
			if tx, err = b.db.BeginTx(context.Background(), nil); err == nil {
				_, err = tx.ExecContext(context.Background(), "lock table river_job in access exclusive mode")
			}
			return err
		},
		end: func() error { return tx.Rollback() },
	}, disturbance{
		what:  "cut off twice",
		begin: func() error { return cut(b) },
		end:   func() error { return cut(b) },
	})
	if runtime.GOOS != "linux" {
		return all
	}
	return append(all, disturbance{
		what: "cut off while a worker was stopped, which then went on",
		begin: func() error {
			stopped = c.slots[2].process
			return errors.Join(stopped.stop(), cut(b))
		},
		end: func() error { return stopped.resume() },
	})
}

// cut ends all other sessions of the database.
func cut(b *book) error {
	_, err := b.number(`select count(pg_terminate_backend(pid)) from pg_stat_activity
		where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`)
	return err
}

// disturb has the database away for some time, in which a worker is killed, too, and
// waits until everything is done that was stored until then.
func (t *trial) disturb(d disturbance) error {
	o := outage{what: d.what, from: time.Now()}
	if err := d.begin(); err != nil {
		return fmt.Errorf("have the database %s: %w", d.what, err)
	}
	t.crew.away.Store(true)
	err := t.crew.wait(t.away / 2)
	if victim := t.crew.slots[3]; victim.process != nil {
		t.crew.kill(victim)
	}
	err = errors.Join(err, t.crew.wait(t.away/2), d.end())
	o.to = time.Now()
	t.crew.back = o.to
	t.crew.away.Store(false)
	t.outages = append(t.outages, o)
	if err = errors.Join(err, t.crew.lookAfter()); err != nil {
		return fmt.Errorf("after the database was %s: %w", d.what, err)
	}
	took, err := t.untilDone(deadly, t.settle)
	if err != nil {
		return fmt.Errorf("after the database was %s for %v: %w", d.what, o.to.Sub(o.from), err)
	}
	t.crew.figures.longestRecovery = max(t.crew.figures.longestRecovery, took)
	t.log.Printf("%s: %s for %v, and %v later all was done", clock(o.from), d.what, o.to.Sub(o.from).Round(time.Millisecond), took.Round(time.Millisecond))
	return nil
}

// untilDone waits until all is done that is stored now, but for tasks of one kind, and
// returns how long that took. It is a fault if it takes too long.
func (t *trial) untilDone(but string, within time.Duration) (took time.Duration, err error) {
	begun := time.Now()
	var last int64
	err = firstOf(func() error { // what was cut has to connect again
		var err error
		last, err = t.book.number(lastTask)
		return err
	})
	for err == nil {
		var left int64
		if left, err = t.book.number(unfinished, last, but); err != nil || left == 0 {
			break
		}
		if limit := within + t.clients.allowance(); time.Since(begun) > limit {
			return 0, fmt.Errorf("%d tasks are not done after %v: %v", left, limit, t.book.look(fmt.Sprintf("state not in ('completed', 'discarded', 'cancelled') and id <= %d", last)))
		}
		err = t.crew.wait(50 * time.Millisecond)
	}
	return time.Since(begun), err
}
