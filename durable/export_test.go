package durable

// Untold returns how many outcomes the engine has yet to ask for.
func (q *Queue[Tx]) Untold() int {
	q.outcomes.mu.Lock()
	defer q.outcomes.mu.Unlock()
	return len(q.outcomes.toTell)
}
