package main

import (
	"log"
	"os"
	"testing"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if isChild, err := runChild(os.Args[1:]); isChild {
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	// With the race detector each of the many processes would sleep for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		log.Fatal(err)
	}
	new(fasthttp.ResponseHeader).Header() // starts the date goroutine, which never ends
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}
