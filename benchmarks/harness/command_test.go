package harness

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResultsSayWhatHasMeasuredThem(t *testing.T) {
	c := Command{Name: "run"}
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	var layers Names
	flags.Var(&layers, "layers", "")
	flags.Int("count", 10, "")
	flags.String("results", "", "")
	flags.String("items", "", "")
	require.NoError(t, flags.Parse([]string{"-results", "x", "-layers", "handler,pipe", "-count", "5"}))
	line := c.line(flags)
	assert.Regexp(t, `^command: go run \./cmd/run -count 5 -layers handler,pipe  # \d{4}-\d\d-\d\d\n$`, line)
	assert.Len(t, Commands([]byte(line+"round: 1\n"+line+"command: other\n")), 2)

	c.Run = "."
	flags.Bool("sqlite", false, "")
	require.NoError(t, flags.Parse([]string{"-sqlite"}))
	assert.Contains(t, c.line(flags), "command: go run . -count 5 -layers handler,pipe -sqlite  # ")
}

func TestReadFiles(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	require.NoError(t, os.WriteFile(a, []byte("1\n"), 0o600))
	require.NoError(t, os.WriteFile(b, []byte("2\n"), 0o600))
	c := Command{Measure: func(context.Context) ([]byte, error) { return []byte("3\n"), errors.New("broken off") }}
	text, err := c.read(context.Background(), []string{a, b})
	require.NoError(t, err)
	assert.Equal(t, "1\n2\n", string(text))
	_, err = c.read(context.Background(), []string{a, "none"})
	require.ErrorIs(t, err, os.ErrNotExist)
	text, err = c.read(context.Background(), nil)
	require.EqualError(t, err, "broken off")
	assert.Contains(t, string(text), "\n3\n", "what there is, is kept")
}
