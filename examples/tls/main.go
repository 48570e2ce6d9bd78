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
	"crypto/tls"
	"errors"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

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
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Greetings", Version: "1.0.0"}})
	return app
}

// A keyPair is a certificate with its key, in two files of PEM that something else
// renews.
type keyPair struct {
	certFile, keyFile string

	mu      sync.Mutex // guards what follows
	changed [2]time.Time
	loaded  *tls.Certificate
}

// get returns the certificate for a new connection. While the files can't be read
// together, since one of them is yet to be written, it is the last one that could.
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var changed [2]time.Time
	for i, name := range [2]string{p.certFile, p.keyFile} {
		if info, err := os.Stat(name); err == nil {
			changed[i] = info.ModTime()
		}
	}
	if p.loaded != nil && changed == p.changed {
		return p.loaded, nil
	}
	p.changed = changed
	pair, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	switch {
	case err == nil:
		p.loaded = &pair
	case p.loaded == nil:
		return nil, err
	default:
		log.Printf("The certificate is not renewed: %v", err)
	}
	return p.loaded, nil
}

// config returns what a listener for TLS needs. It fails if there is no certificate yet.
func (p *keyPair) config() (*tls.Config, error) {
	if _, err := p.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{
		GetCertificate: p.get,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // there is no HTTP/2
	}, nil
}

// serve serves the app until the process gets a signal, as velithon.App.Run does
// without TLS.
func serve(app *velithon.App, address string, config *tls.Config) error {
	signals, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- app.Serve(tls.NewListener(listener, config)) }()
	select {
	case err := <-served: // the listener failed
		return err
	case <-signals.Done():
		stop() // a second signal ends the process
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return errors.Join(app.Shutdown(ctx), <-served)
}

func main() {
	address := flag.String("listen", ":8443", "where to listen")
	certFile := flag.String("cert", "cert.pem", "the file with the certificate, and those between it and the root")
	keyFile := flag.String("key", "key.pem", "the file with its key")
	flag.Parse()
	config, err := (&keyPair{certFile: *certFile, keyFile: *keyFile}).config()
	if err == nil {
		err = serve(newApp(), *address, config)
	}
	if err != nil {
		log.Fatal(err)
	}
}
