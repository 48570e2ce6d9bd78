package background

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestClockDoesNotJump: the time that tasks wait is taken from a monotonic clock,
// and so are, by package time, timers and the deadlines of contexts. Nobody who
// sets the system's clock makes tasks look old, or try again at once.
func TestClockDoesNotJump(t *testing.T) {
	epoch := NewRunner(RunnerOptions{}).scheduler.clock.Epoch
	wall := epoch.Round(0) // strips the monotonic reading
	assert.True(t, epoch.Equal(wall))
	assert.NotEqual(t, wall, epoch)
}
