// This program has a handler of the wrong shape. From Go 1.27 on it does not
// compile.
package main

import "github.com/velithon-go/velithon"

func main() {
	app := velithon.New(velithon.Options{})
	app.Post("/x", func(int) string { return "" })
}
