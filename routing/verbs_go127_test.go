//go:build go1.27

package routing_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAHandlerOfAnotherShapeDoesNotCompile(t *testing.T) {
	vet := func(dir string) (string, error) {
		out, err := exec.Command("go", "vet", "./testdata/"+dir).CombinedOutput()
		return string(out), err
	}
	out, err := vet("right")
	require.NoError(t, err, out)
	out, err = vet("wrong")
	require.Error(t, err)
	assert.Contains(t, out, "func(int) string")
	assert.Contains(t, out, "main.go:9")
}
