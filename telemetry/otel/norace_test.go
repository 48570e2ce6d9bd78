//go:build !race

package otel_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// How often an order allocates more than without, at most. The race detector has
// pools lose what they hold.
func TestAllocations(t *testing.T) {
	plain := testing.AllocsPerRun(500, newOrder(t, nil))
	most := map[string]float64{"without": 0, "no providers": 7, "sampled out": 7, "sampled out, measured": 7, "sampled": 15}
	for _, way := range ways {
		got := testing.AllocsPerRun(500, newOrder(t, way.options)) - plain
		assert.LessOrEqual(t, got, most[way.name], way.name)
	}
}
