package durable

// Untold returns how many outcomes the engine has yet to ask for.
func (q *Queue[Tx]) Untold() int {
	q.outcomes.mu.Lock()
	defer q.outcomes.mu.Unlock()
	return len(q.outcomes.toTell)
}

// StackOf returns what is stored of the stack of an error.
func StackOf(err error) string { return stackOf(err) }

// WithoutPaused returns the kinds that the engine is asked for while some are paused.
func WithoutPaused(kinds, isPaused []string) []string {
	var p paused
	p.kinds.Store(&isPaused)
	return p.without(kinds)
}

// PausedHere returns the kinds of which the process takes no tasks.
func PausedHere[Tx any](q *Queue[Tx]) []string {
	if list := q.paused.kinds.Load(); list != nil {
		return *list
	}
	return nil
}
