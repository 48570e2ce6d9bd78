package routing

import "testing"

// Reflected makes an endpoint as the verbs do before Go 1.27, on any version.
func Reflected(t *testing.T, handler any) Endpoint {
	t.Helper()
	endpoint, err := reflected(handler)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}
