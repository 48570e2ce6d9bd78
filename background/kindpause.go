package background

// PauseKind lets no further task of a kind start, until [Runner.ResumeKind] is called or
// Shutdown begins. Those that run go on, and work is accepted as long as there is room: the
// tasks keep their places in the queue, which they may fill for all, and among the
// MaxConcurrent of their collections, and wait as those of a limit do, in the state
// Limited. A kind of which there was no task yet can be paused, too. It takes 0.3 to 0.4 µs
// for each that waits, in which nothing else starts.
func (r *Runner) PauseKind(kind string) {
	r.mustBeMade()
	r.mu.Lock()
	defer r.unlock()
	if !r.closed && kind != "" {
		r.scheduler.PauseKind(kind)
		r.dispatchLocked() // another of those who wait for room may be tried first now
	}
}

// ResumeKind ends a [Runner.PauseKind], if there is one.
func (r *Runner) ResumeKind(kind string) {
	r.mustBeMade()
	r.mu.Lock()
	defer r.unlock()
	if r.scheduler.ResumeKind(kind) {
		r.dispatchLocked()
	}
}

// PausedKinds returns the names of the kinds that are paused, in alphabetical order.
func (r *Runner) PausedKinds() []string {
	r.mustBeMade()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.scheduler.PausedKinds()
}

// Hasten has a task that waits for its time, be it of the first attempt or of a further one,
// wait for it no longer. It reports whether the task did.
func (h *Handle) Hasten() bool {
	h.mu.Lock()
	r := h.runner
	h.mu.Unlock()
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.unlock()
	if !r.scheduler.Advance(follower{h}) {
		return false
	}
	r.dispatchLocked()
	return true
}
