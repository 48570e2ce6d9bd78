package main

import (
	"net/http"

	"github.com/velithon-go/velithon/routing"
)

// forwardID is a transport of clients: it sends the id of the request that a
// context comes from to other services, so that their logs have it, too.
type forwardID struct {
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (f forwardID) RoundTrip(request *http.Request) (*http.Response, error) {
	if id := routing.RequestID(request.Context()); id != "" {
		request = request.Clone(request.Context())
		request.Header.Set(routing.RequestIDHeader, id)
	}
	return f.next.RoundTrip(request)
}
