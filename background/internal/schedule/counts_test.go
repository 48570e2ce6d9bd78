package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestAHistogramHasEachDurationOnce, near those that are as long.
func TestAHistogramHasEachDurationOnce(t *testing.T) {
	for d, place := range map[time.Duration]int{
		-1: 0, 0: 0, time.Microsecond - 1: 0, time.Microsecond: 1, 2*time.Microsecond - 1: 1,
		2 * time.Microsecond: 2, time.Millisecond: 10, time.Second: 20, 1 << 62: 39,
	} {
		var h, want Histogram
		h.Add(d)
		want.Counts[place], want.Sum = 1, max(0, d.Seconds())
		assert.Equal(t, want, h, d)
	}
}
