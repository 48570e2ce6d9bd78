//go:build !go1.27

package routing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

const shape = "want func(context.Context, In) (Out, error), with In struct{} for no input"

func TestAHandlerOfAnotherShapePanics(t *testing.T) {
	for name, test := range map[string]struct {
		handler any
		want    []string
	}{
		"no function": {"text", []string{"POST /x (registered at ", "the handler is a string: " + shape}},
		"another shape": {wrongShape, []string{
			"POST /x, handler github.com/velithon-go/velithon/routing_test.wrongShape (registered at ",
			"verbs_go126_test.go:", "the handler is a func(int) string: " + shape,
		}},
		"variadic":    {func(context.Context, ...string) (string, error) { return "", nil }, []string{shape}},
		"nil handler": {(func(context.Context, string) (string, error))(nil), []string{"the handler is nil"}},
		"wrong input": {func(context.Context, int) (string, error) { return "", nil }, []string{"input type int: can't be a JSON body"}},
	} {
		t.Run(name, func(t *testing.T) {
			message := panicOf(func() { newRouter(t).Post("/x", test.handler) })
			for _, want := range test.want {
				assert.Contains(t, message, want)
			}
		})
	}
}

func wrongShape(int) string { return "" }
