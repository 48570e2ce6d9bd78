package main

// apiError is an error that was made for the client. The framework finds its
// two methods wherever the error is wrapped; what wraps it is never sent.
type apiError struct {
	status  int
	message string
}

var (
	errNoOrder   = &apiError{404, "no such order"}
	errCancelled = &apiError{409, "the order is cancelled already"}
)

func (e *apiError) Error() string { return e.message }

// StatusCode is the HTTP status to answer with.
func (e *apiError) StatusCode() int { return e.status }

// PublicMessage is what the client is told.
func (e *apiError) PublicMessage() string { return e.message }
