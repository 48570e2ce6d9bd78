package velithon_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/routing"
)

// describeEnv has the test binary describe an app in the file that it names. What it does
// to begin to serve is in describeByEnv: "run", "serve", "handler" or "mistake".
const (
	describeEnv   = "VELITHON_TEST_DESCRIBE_TO"
	describeByEnv = "VELITHON_TEST_DESCRIBE_BY"
)

type session struct{ User string }

func sessionOf(_ context.Context, in struct {
	Authorization string `header:"Authorization"`
},
) (session, error) {
	return session{in.Authorization}, nil
}

func secret(context.Context, struct {
	Session session `provide:""`
},
) (string, error) {
	return "", nil
}

// describeChild is a service whose address is taken, as Run would find out.
func describeChild(file string) {
	velithon.DescribeTo(file)
	app := velithon.New(velithon.Options{Queue: loudQueue{}})
	started := background.Func("before", func(ctx context.Context) error { <-ctx.Done(); return nil })
	if err := app.Runner().Submit(context.Background(), started); err != nil {
		panic(err)
	}
	println("waiting:", app.Runner().Stats().Queued)

	token := routing.Bearer("token", "")
	routing.Provide(app.Router, sessionOf, routing.Secured(token, "read"), routing.Secured(routing.Basic("password")), routing.OrAnonymous())
	document := func() ([]byte, error) { return []byte("{ \"openapi\": \"<3.1.1>\" }"), nil }
	if os.Getenv(describeByEnv) == "mistake" {
		document = func() ([]byte, error) { return nil, errors.New("two operations have one id") }
	}
	app.Get("/secret/{id?}", secret, routing.Name("secret"))
	app.Get("/document", greet, routing.Annotate(routing.DocumentKey{}, document))
	app.Get("/other", greet, routing.Annotate(routing.DocumentKey{}, func() ([]byte, error) { panic("there was one before") }))
	switch os.Getenv(describeByEnv) {
	case "serve":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		println(app.Serve(listener))
	case "handler":
		app.Handler()
	default:
		println(app.Run("127.0.0.1:-1").Error())
	}
	println("it goes on")
}

// A loudQueue says that it was started.
type loudQueue struct{}

func (loudQueue) Start(*background.Runner) error                   { println("the queue works"); return nil }
func (loudQueue) Holds(string) bool                                { return false }
func (loudQueue) Shutdown(context.Context) error                   { return nil }
func (loudQueue) Store(context.Context, []background.Record) error { return nil }

func greet(context.Context, struct{}) (string, error) { return "hello", nil }

// describeIn runs the child, and returns what it prints and what is in its file.
func describeIn(t *testing.T, by, file string) (printed string, written []byte, err error) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), describeEnv+"="+file, describeByEnv+"="+by)
	output, err := child.CombinedOutput()
	written, _ = os.ReadFile(file)
	return string(output), written, err
}

func TestAnAppDescribesItselfInPlaceOfServing(t *testing.T) {
	for _, by := range []string{"run", "serve", "handler"} {
		printed, written, err := describeIn(t, by, filepath.Join(t.TempDir(), "description"))
		require.NoError(t, err, printed)
		assert.Equal(t, "waiting: 1\n", printed, "%s: no task, no queue, no address, and nothing behind it", by)
		assert.JSONEq(t, `{
			"routes": [
				{"method": "GET", "pattern": "/secret/{id?}", "name": "secret", "handler": "github.com/velithon-go/velithon_test.secret",
					"security": [[{"scheme": "token", "scopes": ["read"]}], [{"scheme": "password"}], []]},
				{"method": "GET", "pattern": "/document", "handler": "github.com/velithon-go/velithon_test.greet", "security": []},
				{"method": "GET", "pattern": "/other", "handler": "github.com/velithon-go/velithon_test.greet", "security": []}
			],
			"document": "{ \"openapi\": \"<3.1.1>\" }", "document_error": ""
		}`, string(written), by)
	}
}

func TestAMistakeInTheDocumentIsDescribed(t *testing.T) {
	printed, written, err := describeIn(t, "mistake", filepath.Join(t.TempDir(), "description"))
	require.NoError(t, err, printed)
	var d struct {
		Document      string
		DocumentError string `json:"document_error"`
	}
	require.NoError(t, json.Unmarshal(written, &d))
	assert.Empty(t, d.Document)
	assert.Equal(t, "two operations have one id", d.DocumentError)
}

func TestADescriptionThatCanNotBeWritten(t *testing.T) {
	printed, _, err := describeIn(t, "run", filepath.Join(t.TempDir(), "missing", "description"))
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, printed)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, printed, "velithon: describe the app: open ")
	assert.NotContains(t, printed, "it goes on")
}
