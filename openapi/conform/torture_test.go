package conform_test

import (
	"context"
	"net"
	"net/http"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/conform"
	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/routing"
)

// server is a router as a service.
type server struct{ fasthttp.Server }

func (s *server) Serve(listener net.Listener) error { return s.Server.Serve(listener) }

func (s *server) Shutdown(ctx context.Context) error { return s.ShutdownWithContext(ctx) }

// unsayable are the operations of the torture app of which a document can't say all; see
// "Where the service is more lenient" in docs/openapi.md.
var unsayable = []string{
	"POST /echo/embedded",                                                                                          // what is required in an embedded pointer, once one member is there
	"POST /echo/lists",                                                                                             // the range of keys that are numbers
	"POST /echo/own",                                                                                               // the texts that a TextUnmarshaler takes
	"GET /query",                                                                                                   // as before
	"POST /echo/quoted",                                                                                            // the range of numbers in strings
	"POST /echo/days",                                                                                              // the range of durations
	"POST /echo/defaults",                                                                                          // that a string in a string is JSON
	"POST /strict/embedded", "POST /strict/lenient", "POST /strict/lists", "POST /strict/own", "POST /strict/days", // as above
	"GET /provided/shared/{place}", // what two inputs read in two ways, from which nothing is drawn that is right for both
}

// unanswered are those whose handlers answer with a zero value that is no response, or one
// that has not the content type that was said.
var unanswered = []string{"GET /out/events", "GET /out/redirect", "GET /out/response", "GET /out/stream", "GET /described/export"}

// authorizeAll adds the credentials that an operation of the torture app asks for.
func authorizeAll(r *http.Request) {
	switch path.Base(r.URL.Path) {
	case "basic":
		r.SetBasicAuth("ada", "secret")
		return
	case "key", "both", "plain-and-key":
		r.Header.Set("X-Key", "secret")
	case "cookie":
		r.AddCookie(&http.Cookie{Name: "sid", Value: "secret"})
	case "query":
		query := r.URL.Query()
		query.Set("key", "secret")
		r.URL.RawQuery = query.Encode()
	}
	r.Header.Set("Authorization", "Bearer secret")
}

// The app with every kind of route, type and tag does what its document says.
func TestTortureConforms(t *testing.T) {
	router := torture.New()
	document, err := openapi.Document(router.Routes(), torture.Info)
	require.NoError(t, err)
	s := &server{}
	s.Handler = routing.Build(router).ServeRequest
	conform.Test(t, s, conform.Options{
		Document: document,
		Requests: 1,
		Change:   authorizeAll,
		Skip:     append(unsayable, unanswered...),
	})
}
