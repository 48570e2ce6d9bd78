package schedule

// Submission is work on its way into the scheduler.
type Submission[T any] struct {
	Single[T]           // the task, if it is a single one
	Group     *Group[T] // else; nil if there are no tasks
	Tasks     int       // how many it has
	Plain     bool      // none of them has terms, so they need nothing but workers
	starts    int       // how many tasks start at once, from when it was accepted

	// These are notes of the user's.

	Promised bool // it was reserved, so it can't be refused for want of room
	Counted  bool // it is counted among those who may have to wait for room
}

// Starts returns how many tasks of an accepted submission start at once.
func (sub *Submission[T]) Starts() int { return sub.starts }

// most returns how many tasks may run at once if so many workers are free.
func (sub *Submission[T]) most(free int) int {
	if sub.Group == nil {
		return min(1, free)
	}
	return min(sub.Tasks, sub.Group.Limit, free)
}

// holding returns how many of the tasks would hold room if they were accepted while so
// many workers are free: those that find no worker, and those that may have to wait
// again.
func (s *Scheduler[T]) holding(sub *Submission[T], free int) int {
	start := sub.most(free)
	switch {
	case sub.Plain:
		return sub.Tasks - start
	case sub.Group == nil:
		if start > 0 && s.neverWaits(sub.Task) {
			return 0
		}
		return 1
	}
	holding := sub.Tasks - start
	for _, task := range sub.Group.Waiting[:start] {
		if !s.neverWaits(task) {
			holding++
		}
	}
	return holding
}

// starting returns how many of the tasks start at once if they are accepted while so
// many workers are free: the first ones, up to one that has to wait for something
// else.
func (s *Scheduler[T]) starting(sub *Submission[T], free int) int {
	most := sub.most(free)
	if sub.Group == nil {
		if most > 0 && s.needsOnlyAWorker(sub.Task) {
			return 1
		}
		return 0
	}
	for i, task := range sub.Group.Waiting[:most] {
		if !s.needsOnlyAWorker(task) {
			return i
		}
	}
	return most
}

// waitingAgain returns how many of the tasks that start at once may have to wait
// again, to be tried again.
func (s *Scheduler[T]) waitingAgain(sub *Submission[T]) (n int) {
	if sub.Group == nil {
		if sub.starts > 0 && !s.terms(sub.Task).IsLast(1) {
			n++
		}
		return n
	}
	for _, task := range sub.Group.Waiting[:sub.starts] {
		if !s.terms(task).IsLast(1) {
			n++
		}
	}
	return n
}

// neverWaits reports whether a task needs nothing but a worker to run to its end.
func (s *Scheduler[T]) neverWaits(task T) bool {
	t := s.terms(task)
	return t.neverWaits() && s.pauseOf(t) == nil
}

// needsOnlyAWorker reports whether a task waits for nothing else at first.
func (s *Scheduler[T]) needsOnlyAWorker(task T) bool {
	t := s.terms(task)
	return t.needsOnlyAWorker() && s.pauseOf(t) == nil
}
