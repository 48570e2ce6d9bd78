// This program compiles on every Go version, to show that the one beside it
// fails for its handler only.
package main

import (
	"context"

	"github.com/velithon-go/velithon"
)

func main() {
	app := velithon.New(velithon.Options{})
	app.Post("/x", func(context.Context, struct{}) (string, error) { return "", nil })
}
