package serve

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// An idle connection must not use up the time of a shutdown that has little.
func TestShutdownGraceIsATenthOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		assert.Equal(t, time.Second, graceWithin(t.Context()))
		for within, want := range map[time.Duration]time.Duration{
			30 * time.Second: time.Second,
			2 * time.Second:  200 * time.Millisecond,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			assert.Equal(t, want, graceWithin(ctx))
		}
	})
}
