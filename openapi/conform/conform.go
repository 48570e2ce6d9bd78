package conform

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A Service is an app, or another server, which serves a listener until it is shut down:
// a *velithon.App or an *http.Server.
type Service interface {
	// Serve answers the connections that listener accepts, until Shutdown is called.
	Serve(listener net.Listener) error

	// Shutdown ends Serve, and waits for what is under way as long as ctx allows.
	Shutdown(ctx context.Context) error
}

// Options configures [Test] and [TestURL]. The zero value is ready to use.
type Options struct {
	// Document is the description in JSON, OpenAPI 3.1; nil means what the service
	// answers to GET /openapi.json.
	Document []byte

	// Requests is how many requests are sent to each operation in each mode, at least;
	// 0 means 100.
	Requests int

	// Change changes each request before it is sent: it adds credentials, or signs the
	// body, which GetBody returns. nil changes nothing.
	Change func(*http.Request)

	// Path has values for parameters in the path, by name, which are sent in place of
	// drawn ones: "id": "7". Those of the names that are not here are drawn.
	Path map[string]string

	// Skip has operations to leave out, by method and path as in the document, such as
	// "DELETE /orders/{id}".
	Skip []string

	// Lenient has operations that may refuse valid requests with 400 or 422, since their
	// handlers have rules that a schema can't say.
	Lenient []string
}

// shutdownTimeout is how long a service has to shut down behind its test.
const shutdownTimeout = 30 * time.Second

// Test serves a service on a free port of the loopback interface, sends requests to it that
// are drawn from its document, and reports each answer that is not what the document says.
// At the end of the test it shuts the service down, which has 30 seconds for that.
//
// Each operation and mode is a subtest. One that has nothing to break is skipped.
func Test(t *testing.T, service Service, options Options) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- service.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := service.Shutdown(ctx); err != nil {
			t.Errorf("the service did not shut down: %v", err)
		}
		if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the service ended: %v", err)
		}
	})
	TestURL(t, "http://"+listener.Addr().String(), options)
}

// TestURL is [Test] for a service that runs somewhere else. The paths of its document are
// below url, which has no slash at its end; the servers of the document are not looked at.
func TestURL(t *testing.T, url string, options Options) {
	t.Helper()
	s, err := newSuite(url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.CloseIdleConnections)
	for _, op := range s.operations {
		t.Run(op.name(), func(t *testing.T) {
			for _, m := range modes {
				t.Run(string(m), func(t *testing.T) { s.test(t, op, m) })
			}
		})
	}
}

// A mode says what requests are like.
type mode string

const (
	valid    mode = "valid"
	missing  mode = "missing"
	mistyped mode = "mistyped"
	bounds   mode = "bounds"
)

var modes = []mode{valid, missing, mistyped, bounds}

// A suite is a service with its document.
type suite struct {
	*document
	url        string
	options    Options
	client     *http.Client
	operations []*operation
}

func newSuite(url string, options Options) (*suite, error) {
	s := &suite{url: url, options: options}
	s.client = &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	text := options.Document
	if text == nil {
		response, err := s.client.Get(url + "/openapi.json")
		if err != nil {
			return nil, err
		}
		defer func() { _ = response.Body.Close() }()
		if text, err = io.ReadAll(response.Body); err != nil {
			return nil, err
		}
	}
	var err error
	if s.document, err = newDocument(text); err != nil {
		return nil, err
	}
	s.operations, err = s.document.operations(options)
	return s, err
}

// test sends requests of a mode to an operation.
func (s *suite) test(t *testing.T, op *operation, m mode) {
	t.Helper()
	r := s.run(op, m)
	if r.sent == 0 && r.found == nil {
		if m == valid {
			t.Fatalf("no request could be drawn that keeps to the schemas of %s: leave it out by Options.Skip", op.at)
		}
		t.Skip("the document has nothing to break in this way")
	}
	t.Log(r.counts())
	switch {
	case r.found != nil:
		t.Error(r.found.report(r.seed))
	case m == valid && r.byStatus[http.StatusUnauthorized]+r.byStatus[http.StatusForbidden] == r.sent:
		t.Error("no request got past 401 and 403: add credentials by Options.Change")
	}
}

// run draws and sends requests until one of them is answered as it should not be.
func (s *suite) run(op *operation, m mode) *result {
	r := &result{name: op.name() + "/" + string(m), byStatus: make(map[int]int)}
	each := s.each()
	rapid.Check(r, func(t *rapid.T) {
		for range each {
			q := s.draw(t, op, m)
			if q == nil {
				r.undrawn++
				continue
			}
			if fault := s.send(q, r); fault != nil {
				r.found = fault
				t.Fatal(fault.what) // without the answer, which may be another each time
			}
		}
	})
	return r
}

// each returns how many requests are sent by each check of rapid.
func (s *suite) each() int {
	checks, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	if testing.Short() {
		checks /= 5 // as rapid has it
	}
	if err != nil || checks < 1 {
		return 1
	}
	requests := s.options.Requests
	if requests == 0 {
		requests = 100
	}
	return (requests + checks - 1) / checks
}
