package main

import (
	"fmt"
	"time"
)

// judge compares what clients were told with what happened, and logs it.
func (t *trial) judge() error {
	found, err := t.book.read()
	if err != nil {
		return err
	}
	faults := t.crew.faults
	if t.engine == sqliteEngine {
		if err := t.book.intact(); err != nil {
			faults = append(faults, err.Error())
		}
	}
	a := facts{
		ledger: t.clients.ledger(), found: found, ends: t.crew.ends, outages: t.outages,
		poisoned: int(t.poison), allowance: t.clients.allowance(), processes: len(t.crew.slots),
	}
	faults = append(faults, t.book.look("state <> 'completed' and not (kind = '"+deadly+"' and state = 'discarded')")...)
	f := t.crew.figures
	faults = append(faults, a.compare(&f)...)
	for _, fault := range shortened(faults) {
		t.log.Print(fault)
	}
	t.log.Print(f.String())
	t.log.Printf("the slowest answer without the database: %v", ms(a.allowance))
	if len(faults) > 0 {
		return fmt.Errorf("%d faults", len(faults))
	}
	return nil
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// String says what was counted.
func (f *figures) String() string {
	return fmt.Sprintf("%d processes ended by SIGKILL, %d by SIGTERM within %v, %d cut short, %d by a deadly task, %d without the database, %d restarts of all\n",
		f.kills, f.terms, ms(f.longestEnd), f.cutShort, f.deaths, f.gaveUp, f.rolls) +
		fmt.Sprintf("%d orders answered with 201, %d with 503 within %v, of which %d were done all the same, %d not answered\n",
			f.answered, f.refused, ms(f.late), f.refusedButDone, f.unanswered) +
		fmt.Sprintf("%d effects; without DoneTx %d twice because of a kill, %d at most for one, and %d because of an outage\n",
			f.effects, f.repeated, f.mostRepeated, f.repeatedInOutages) +
		fmt.Sprintf("all done %v after an outage at most, and %v after the last order", ms(f.longestRecovery), ms(f.atLast))
}
