package background_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

func TestOptionMistakes(t *testing.T) {
	for want, options := range map[string]background.RunnerOptions{
		"background: RunnerOptions.Workers is -1, it cannot be negative":                {Workers: -1},
		"background: RunnerOptions.Queue is -1, it cannot be negative":                  {Queue: -1},
		"background: RunnerOptions.Timeout is -1s, it cannot be negative":               {Timeout: -time.Second},
		"background: RunnerOptions.Overflow is Overflow(2), it must be Block or Reject": {Overflow: 2},
	} {
		assert.PanicsWithValue(t, want, func() { background.NewRunner(options) })
	}
}

// The numbers are promised in the documentation.
func TestDefaultLimits(t *testing.T) {
	inBubble(t, background.RunnerOptions{Overflow: background.Reject}, func(t *testing.T, r *background.Runner) {
		release := make(chan struct{})
		fill(t, r, 64, release)
		queue := collection(0)
		for range 65_535 {
			queue.Add(held("queued", release))
		}
		require.NoError(t, r.Submit(t.Context(), queue))
		assert.Equal(t, 64, r.Stats().Running)
		require.NoError(t, r.Submit(t.Context(), held("last", release)))
		require.ErrorIs(t, r.Submit(t.Context(), held("too many", release)), background.ErrFull)
		close(release)
	})
}

func TestOverflowString(t *testing.T) {
	assert.Equal(t, "block", background.Block.String())
	assert.Equal(t, "reject", background.Reject.String())
	assert.Equal(t, "Overflow(-1)", background.Overflow(-1).String())
}
