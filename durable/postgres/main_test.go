package postgres

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// serverEnv names a PostgreSQL server for the tests, as a URL: they make databases of their
// own there. All tests here need it.
const serverEnv = "VELITHON_POSTGRES"

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(serverEnv) == "" {
		fmt.Printf("nothing of PostgreSQL is tested: set %s to the URL of a server, such as one of .ci/postgres\n", serverEnv)
		if err := flag.Set("test.run", "^$"); err != nil { // by which go test says so without -v: [no tests to run]
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// within returns a context that ends when a test hangs.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
