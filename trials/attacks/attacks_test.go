package main

import (
	"log"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/trials/child"
)

func TestMain(m *testing.M) {
	if name := child.Name(); name != "" {
		if err := serve(name); err != nil {
			log.Fatal(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// A hundredth of each attack: answers and recovery are as they should be. What
// it costs is for the program to judge.
func TestAttacks(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("what a service takes is read from /proc")
	}
	for i := range attacks {
		a := &attacks[i]
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			f, err := a.try(small)
			require.NoError(t, err)
			assert.Positive(t, f.guests)
		})
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose("headers,slow-bodies")
	require.NoError(t, err)
	require.Len(t, chosen, 2)
	assert.Equal(t, "headers", chosen[0].name)
	assert.Equal(t, "slow-bodies", chosen[1].name)
	_, err = choose("headers,nonsense")
	assert.EqualError(t, err, `there is no attack "nonsense"`)
}

func TestBounds(t *testing.T) {
	b := bounds{memory: 10 << 20, goroutines: 100, p99: time.Second}
	assert.Empty(t, b.broken(&figures{memory: 10 << 20, goroutines: 100, p99: time.Second, left: leftMemory}))
	assert.Equal(t, []string{
		"memory grew by 11 MiB, want at most 10 MiB",
		"97 MiB of memory were left, want at most 96 MiB",
		"there were 101 more goroutines, want at most 100",
		"the guests' p99 was 1.001s, want at most 1s",
	}, b.broken(&figures{memory: 11 << 20, goroutines: 101, p99: 1001 * time.Millisecond, left: leftMemory + 1<<20}))
}

func TestReplaceTable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "security.md")
	require.NoError(t, os.WriteFile(file, []byte("before\n<!-- attacks -->\nold\n<!-- end of attacks -->\nafter\n"), 0o600))
	require.NoError(t, replaceTable(file, "new\n"))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- attacks -->\nnew\n<!-- end of attacks -->\nafter\n", string(text))
	require.NoError(t, os.WriteFile(file, []byte("nothing"), 0o600))
	assert.ErrorContains(t, replaceTable(file, "new\n"), "does not have the lines")
}

func TestPercentile(t *testing.T) {
	assert.Equal(t, time.Duration(3), percentile([]time.Duration{5, 1, 4, 2, 3}, 50))
	assert.Equal(t, time.Duration(0), percentile(nil, 99))
}
