package durable

// Untold returns how many outcomes the engine has yet to ask for.
func (q *Queue[Tx]) Untold() int {
	q.outcomes.mu.Lock()
	defer q.outcomes.mu.Unlock()
	return len(q.outcomes.toTell)
}

// PausedHere returns the kinds of which the process takes no tasks.
func PausedHere[Tx any](q *Queue[Tx]) []string {
	if list := q.paused.kinds.Load(); list != nil {
		return *list
	}
	return nil
}
