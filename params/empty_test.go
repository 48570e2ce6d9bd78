package params_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/params"
)

func TestIsEmpty(t *testing.T) {
	assert.True(t, compile[struct{}](t, params.Options{}).IsEmpty())
	assert.False(t, compile[struct {
		A string `query:"a"`
	}](t, params.Options{}).IsEmpty())
	assert.False(t, compile[[]int](t, params.Options{}).IsEmpty())
	assert.False(t, compile[struct {
		A map[string]int `body:""`
	}](t, params.Options{}).IsEmpty())
}
