// Tls serves HTTPS without a proxy, with a certificate that is renewed while it runs.
//
//	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem
//	go run ./examples/tls
//
//	curl --cacert cert.pem https://localhost:8443/greet?name=Ada
//	{"message":"Hello Ada"}
//
// Make the certificate anew by the first command, and new connections get it at once.
// Those that are open go on.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/routing"
)

type greeting struct {
	Message string `json:"message"`
}

func greet(_ context.Context, in struct {
	Name string `query:"name" validate:"required,min=1"`
},
) (greeting, error) {
	return greeting{"Hello " + in.Name}, nil
}

func newApp() *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Get("/greet", greet, routing.CancelOnDisconnect())
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Greetings",
		Version:     "1.0.0",
		Description: "Greets by name, over TLS.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func main() {
	address := flag.String("listen", ":8443", "where to listen")
	certFile := flag.String("cert", "cert.pem", "the file with the certificate, and those between it and the root")
	keyFile := flag.String("key", "key.pem", "the file with its key")
	flag.Parse()
	if err := newApp().RunTLS(*address, *certFile, *keyFile); err != nil {
		log.Fatal(err)
	}
}
