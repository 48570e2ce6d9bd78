//go:build !race

package prometheus_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Counting a request allocates nothing. The race detector has pools lose what they hold.
func TestAllocations(t *testing.T) {
	plain := testing.AllocsPerRun(500, newOrder(t, ways["without"]))
	assert.InDelta(t, plain, testing.AllocsPerRun(500, newOrder(t, ways["counted"])), 0)
}
