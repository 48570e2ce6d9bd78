package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// figures is what a trial counts.
type figures struct {
	kills, terms, deaths, rolls         int // processes: by SIGKILL, by SIGTERM, by a deadly task; restarts of all
	cutShort                            int // by SIGTERM, and not in time, since the machine was busy
	answered, refused, unanswered       int // orders
	late                                time.Duration
	effects, repeated, mostRepeated     int // without DoneTx: what was done twice, in all and because of one process
	repeatedInOutages, refusedButDone   int
	gaveUp                              int // processes that ended by themselves while the database was away
	longestEnd, longestRecovery, atLast time.Duration
}

// An outage is a time in which the database was away or disturbed.
type outage struct {
	what     string
	from, to time.Time
}

// A case to be judged is all that a trial knows in the end.
type facts struct {
	ledger    []entry
	found     found
	ends      map[string]end
	outages   []outage
	poisoned  int           // deadly tasks that were promised
	allowance time.Duration // what a time may be exceeded by, since the machine was busy
	processes int           // at once
}

// key is that of an effect.
type key struct {
	kind string
	n    int64
}

// refusalBound is how long after its time a refusal may come.
const refusalBound = 500 * time.Millisecond

// compare says what must not be.
func (a *facts) compare(f *figures) (faults []string) {
	effects := make(map[key][]effect)
	for _, e := range a.found.effects {
		effects[key{e.kind, e.n}] = append(effects[key{e.kind, e.n}], e)
	}
	faults = append(faults, a.promises(f, effects)...)
	faults = append(faults, a.transactions(effects)...)
	faults = append(faults, a.attempts()...)
	faults = append(faults, a.repetitions(f, effects)...)
	return append(faults, a.leftovers()...)
}

// promises compares what clients were told with what was done.
func (a *facts) promises(f *figures, effects map[key][]effect) (faults []string) {
	for _, e := range a.ledger {
		limit := storeTimeout
		if e.How == "response" || e.How == "both" { // the order's transaction comes before
			limit += storeTimeout
		}
		limit += refusalBound + a.allowance
		switch e.Status {
		case 201:
			f.answered++
			if len(e.Kinds) == 0 {
				faults = append(faults, fmt.Sprintf("order %d was taken, and nothing promised", e.ID))
			}
			for _, kind := range e.Kinds {
				if len(effects[key{kind, e.ID}]) == 0 {
					faults = append(faults, fmt.Sprintf("order %d (%s) was taken at %s, and its task %s was never done", e.ID, e.How, clock(e.Sent), kind))
				}
			}
		case 503:
			f.refused++
			f.late = max(f.late, e.Took)
			if e.Took > limit {
				faults = append(faults, fmt.Sprintf("order %d (%s) was refused at %s after %v, and %v is the limit", e.ID, e.How, clock(e.Sent), e.Took, limit))
			}
			if len(effects[key{plain, e.ID}]) > 0 {
				f.refusedButDone++
			}
		case 0:
			f.unanswered++
		default:
			faults = append(faults, fmt.Sprintf("order %d (%s) was answered with %d", e.ID, e.How, e.Status))
		}
	}
	return faults
}

// transactions compares orders with the tasks that were stored in their transactions,
// whatever their clients were told.
func (a *facts) transactions(effects map[key][]effect) (faults []string) {
	done := make(map[int64]int) // tasks of each order
	for k := range effects {
		if k.kind != running {
			done[k.n]++
		}
	}
	committed := make(map[int64]bool)
	for _, o := range a.found.orders {
		committed[o.n] = true
		if o.how != "response" && done[o.n] != o.kinds {
			faults = append(faults, fmt.Sprintf("order %d (%s) was committed with %d tasks, and %d were done", o.n, o.how, o.kinds, done[o.n]))
		}
	}
	for _, e := range a.ledger {
		if e.How != "bare" && !committed[e.ID] && done[e.ID] > 0 {
			faults = append(faults, fmt.Sprintf("order %d (%s) was not committed, and %d of its tasks were done", e.ID, e.How, done[e.ID]))
		}
	}
	return faults
}

// attempts looks whether an attempt was used by anything but a failure, and whether tasks
// ran before their time.
func (a *facts) attempts() (faults []string) {
	for _, e := range a.found.effects {
		want := 1
		if e.kind == flaky {
			want = 2
		}
		if e.kind != running && e.attempt != want {
			faults = append(faults, fmt.Sprintf("the task %s of order %d was done by %s at attempt %d", e.kind, e.n, e.process, e.attempt))
		}
		if e.early {
			faults = append(faults, fmt.Sprintf("the task %s of order %d was done before its time", e.kind, e.n))
		}
	}
	return faults
}

// markedWithin is how long after its effect a task is marked as done at the latest.
const markedWithin = 2 * time.Second

// inHand is how many tasks a process may have done that are not marked as done, for each of
// its workers: the one that runs and two that have ended.
const inHand = 3

// repetitions looks what was done twice, and because of which process or outage.
func (a *facts) repetitions(f *figures, effects map[key][]effect) (faults []string) {
	byProcess, byOutage := make(map[string]int), make(map[int]int)
	for k, all := range effects {
		if k.kind == running {
			if len(all) > deadlyAttempts+3 {
				faults = append(faults, fmt.Sprintf("a deadly task was begun %d times", len(all)))
			}
			continue
		}
		f.effects++
		if (k.kind == once || k.kind == slow) && len(all) > 1 {
			faults = append(faults, fmt.Sprintf("the task %s of order %d was done %d times: by %s", k.kind, k.n, len(all), processesOf(all)))
			continue
		}
		for _, e := range all[:len(all)-1] {
			end := a.ends[e.process]
			during := slices.IndexFunc(a.outages, func(o outage) bool {
				return e.at.After(o.from.Add(-markedWithin)) && e.at.Before(o.to.Add(markedWithin+a.allowance))
			})
			switch {
			case end.fate == killed && e.at.After(end.at.Add(-markedWithin-a.allowance)):
				byProcess[e.process]++
				f.repeated++
			case during >= 0:
				byOutage[during]++
				f.repeatedInOutages++
			default:
				faults = append(faults, fmt.Sprintf("the task %s of order %d was done %d times: by %s, and %s was not killed then, it %s",
					k.kind, k.n, len(all), processesOf(all), e.process, end))
			}
		}
	}
	for process, n := range byProcess {
		f.mostRepeated = max(f.mostRepeated, n)
		if n > inHand*workers {
			faults = append(faults, fmt.Sprintf("%d tasks were done twice because %s was killed", n, process))
		}
	}
	for i, n := range byOutage {
		if n > inHand*workers*a.processes {
			faults = append(faults, fmt.Sprintf("%d tasks were done twice because the database was %s", n, a.outages[i].what))
		}
	}
	return faults
}

func processesOf(effects []effect) (all []string) {
	for _, e := range effects {
		all = append(all, e.process+" at "+clock(e.at))
	}
	return all
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

// leftovers looks at what the queue says of its tasks.
func (a *facts) leftovers() (faults []string) {
	discarded := 0
	for _, j := range a.found.jobs {
		switch {
		case j.kind == deadly && j.state == "discarded":
			discarded = j.number
		case j.kind == deadly || j.state != "completed":
			faults = append(faults, fmt.Sprintf("%d tasks of kind %s are %s in the end", j.number, j.kind, j.state))
		}
	}
	if discarded < a.poisoned {
		faults = append(faults, fmt.Sprintf("%d of %d deadly tasks were discarded", discarded, a.poisoned))
	}
	return faults
}

// shortened returns the first faults of many.
func shortened(faults []string) []string {
	const most = 40
	slices.SortStableFunc(faults, cmp.Compare[string])
	if len(faults) > most {
		return append(faults[:most:most], fmt.Sprintf("and %d more", len(faults)-most))
	}
	return faults
}
