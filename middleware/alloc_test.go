//go:build !race

package middleware_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/routing"
)

// What most requests pass through allocates nothing.
func TestMiddlewareAllocates(t *testing.T) {
	want := map[string]float64{
		"empty": 0, "emptyEach": 0, "accesslog/discarded": 0, "cors/one": 0, "cors/several": 0, "cors/credentials": 0, "cors/other": 0,
		"securityheaders": 0, "crossorigin/site": 0, "crossorigin/origin": 0, "crossorigin/neither": 0, "tracecontext": 0, "compress/short": 0,
		"bearerauth": 1, "keyauth": 1,
	}
	for _, test := range benchmarks {
		allowed, counted := want[test.name]
		if !counted {
			continue
		}
		delete(want, test.name)
		without, bare := orders(t, func(*routing.Router) {}, test.header...)
		with, raw := orders(t, test.add, test.header...)
		more := testing.AllocsPerRun(200, func() { once(with, raw) }) - testing.AllocsPerRun(200, func() { once(without, bare) })
		require.LessOrEqual(t, more, allowed, test.name)
	}
	require.Empty(t, want, "not found")
}
