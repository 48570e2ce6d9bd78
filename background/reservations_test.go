package background

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background/internal/tally"
)

func TestMostReservations(t *testing.T) {
	const largest = math.MaxInt
	assert.EqualValues(t, 3, mostReservations(RunnerOptions{Workers: 1, Queue: 2}))
	assert.Positive(t, mostReservations(RunnerOptions{Workers: largest, Queue: largest}))
	assert.Equal(t, tally.NoBound, mostReservations(RunnerOptions{Workers: 1, Queue: 2, Overflow: Reject}))
}
