//go:build !race

package responses_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

func TestWriteJSONAllocatesNothing(t *testing.T) {
	var content any = order{"7", []string{"a", "b"}, "quick"}
	var raw fasthttp.RequestCtx
	raw.Response.KeepBodyBuffer = true // as a server sets it
	assert.Zero(t, testing.AllocsPerRun(500, func() {
		raw.Response.Reset()
		_ = responses.WriteJSON(&raw, content)
	}))
}

func TestWorkAllocatesNothing(t *testing.T) {
	tasks := new(background.Tasks)
	tasks.Add(background.Func("count", nothing))
	var none *background.Tasks
	withTasks := responses.JSON(order{}, tasks)
	withNone := responses.JSON(order{}, none)
	withTask := responses.JSON(order{}, background.Func("count", nothing))
	assert.Zero(t, testing.AllocsPerRun(500, func() {
		_ = withTasks.Work()
		_ = withNone.Work()
		_ = withTask.Work()
	}))
}
