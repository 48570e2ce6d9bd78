package routing

import (
	"testing"
	"unsafe"
)

// Reflected makes an endpoint as the verbs do before Go 1.27, on any version.
func Reflected(t *testing.T, handler any) Endpoint {
	t.Helper()
	endpoint, err := reflected(handler)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// Reusable reports whether exchanges of the endpoint are used again.
func (e Endpoint) Reusable() bool { return e.reusable }

// ContextSize is the size of a request's context.
const ContextSize = unsafe.Sizeof(request{})
