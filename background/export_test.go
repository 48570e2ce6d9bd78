package background

// WaitAfter is the wait of a Retry after the given attempt.
var WaitAfter = (*Retry).wait

// IdleTime is how long a worker without a job stays.
const IdleTime = idleTime

// Crew returns how many workers r has.
func Crew(r *Runner) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.crew.all)
}
