package conform

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
)

// serve serves an app until the test ends, and returns a suite about it.
func serve(t *testing.T, app *velithon.App, change func(document object), options Options) *suite {
	t.Helper()
	text, err := openapi.Document(app.Routes(), openapi.Info{Title: "Test", Version: "1"})
	require.NoError(t, err)
	if change != nil {
		var changed object
		require.NoError(t, json.Unmarshal(text, &changed))
		change(changed)
		text, err = json.Marshal(changed)
		require.NoError(t, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	options.Document = text
	s, err := newSuite("http://"+listener.Addr().String(), options)
	require.NoError(t, err)
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		require.NoError(t, app.Shutdown(context.Background()))
		require.NoError(t, <-served)
	})
	return s
}

func (s *suite) find(t *testing.T, name string) *operation {
	t.Helper()
	for _, op := range s.operations {
		if op.name() == name {
			return op
		}
	}
	t.Fatalf("no operation %s", name)
	return nil
}

// What is reported is the smallest request, with all that is needed to look into it.
func TestReportsAreSmall(t *testing.T) {
	setFlag(t, "rapid.nofailfile", "true")
	s := serve(t, newPlanted(nil), schema(1000, "PlantedItem", "properties", "quantity", "maximum"), Options{})
	r := s.run(s.find(t, "POST /orders"), valid)
	require.NotNil(t, r.found)
	report := r.found.report(r.seed)
	require.Contains(t, report, "a request that keeps to the document is refused: status 422\nDocument: #/paths/~1orders/post\nRequest:  curl -i -X POST '"+s.url+"/orders'")
	// The least number, or the bound, which rapid does not make smaller.
	require.Regexp(t, `--data-binary '\{"email":"a@a\.[a-z]+","items":\[\{"quantity":(101|1000),"sku":"."\}\]\}'`, report)
	require.Contains(t, report, "Answer:   422 application/problem+json\n          {\"title\":")
	require.Contains(t, report, "#/items/0/quantity")
	require.Regexp(t, `Again:    go test -rapid\.seed=\d+$`, report)
}

// A seed draws the same requests each time.
func TestASeedDrawsTheSameRequests(t *testing.T) {
	var all []string
	s := serve(t, newPlanted(nil), nil, Options{Change: func(r *http.Request) { all = append(all, curl(r)) }})
	draw := func(seed string) []string {
		setFlag(t, "rapid.seed", seed)
		all = nil
		for _, op := range s.operations {
			for _, m := range modes {
				require.Nil(t, s.run(op, m).found)
			}
		}
		return all
	}
	first := draw("7")
	require.Greater(t, len(first), 1000)
	require.True(t, slices.Equal(first, draw("7")))
	require.False(t, slices.Equal(first, draw("8")))
}

// A rule that a schema can't say is let pass, and counted.
func TestWhatIsLetPass(t *testing.T) {
	setFlag(t, "rapid.nofailfile", "true")
	newApp := func() *velithon.App {
		app := velithon.New(velithon.Options{})
		app.Post("/currency", func(context.Context, struct {
			Currency string `json:"currency" validate:"iso4217"`
		},
		) (string, error) {
			return "", nil
		})
		app.Post("/never", func(context.Context, struct{}) (string, error) { return "", responses.NewProblem(422, "never") },
			openapi.Describe(openapi.Operation{Responses: map[int]openapi.Response{422: {}}}))
		return app
	}
	s := serve(t, newApp(), nil, Options{Lenient: []string{"POST /never"}})
	for _, op := range s.operations {
		r := s.run(op, valid)
		require.Nil(t, r.found, op.name())
		require.Greater(t, r.lenient, 50)
		require.Contains(t, r.counts(), "refused by rules that no schema says")
	}
	s = serve(t, newApp(), nil, Options{})
	require.Contains(t, s.run(s.find(t, "POST /never"), valid).found.what, "is refused: status 422")
}

func TestMistakesInOptions(t *testing.T) {
	document, err := openapi.Document(newPlanted(nil).Routes(), openapi.Info{Title: "Test", Version: "1"})
	require.NoError(t, err)
	for text, options := range map[string]Options{
		"is no JSON":                      {Document: []byte("openapi: 3.1.1")},
		"its version is \"3.0.3\"":        {Document: []byte(`{"openapi":"3.0.3"}`)},
		"has no operations":               {Document: []byte(`{"openapi":"3.1.1","paths":{}}`)},
		"that the document has not":       {Document: document, Skip: []string{"GET /nowhere"}},
		"Options.Lenient [\"GET /none\"]": {Document: document, Lenient: []string{"GET /none"}},
		"neither JSON nor a form": {Document: []byte(
			`{"openapi":"3.1.1","paths":{"/":{"post":{"requestBody":{"content":{"text/csv":{}}},"responses":{}}}}}`)},
	} {
		_, err := newSuite("http://127.0.0.1:0", options)
		require.ErrorContains(t, err, text)
	}
}

// What curl gets is what was sent.
func TestTextsForAShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,20}`), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		text = strings.ReplaceAll(text, "\x00", "") // which no shell can pass on
		output, err := exec.Command(bash, "-c", "printf %s "+shell(text)).Output()
		if err != nil || string(output) != text {
			t.Fatalf("%q is written as %s, which is %q", text, shell(text), output)
		}
	})
}

// A server of net/http is a service, too, and the document may be asked of it.
func TestAServerOfNetHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"openapi":"3.1.0","paths":{"/double":{"get":{
			"parameters":[{"$ref":"#/components/parameters/n"}],
			"responses":{"200":{"description":"","content":{"application/json":{"schema":{"type":"integer","multipleOf":2}}}},"4XX":{"description":"wrong"}}}}},
			"components":{"parameters":{"n":{"name":"n","in":"query","required":true,"schema":{"type":"integer","minimum":-5,"exclusiveMaximum":1e6}}}}}`))
	})
	mux.HandleFunc("GET /double", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil || n < -5 || n >= 1e6 {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write([]byte(strconv.Itoa(2 * n)))
	})
	Test(t, &http.Server{Handler: mux}, Options{})
}
