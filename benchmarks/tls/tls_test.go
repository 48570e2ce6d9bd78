// Package tls compares TLS of the service's own with that of nginx in front of it, and with
// none, on connections that are kept and on one for each request.
//
//	go test -run '^$' -bench . -count 10 ./tls
package tls_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

const request = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"

// A place is where the service can be reached.
type place struct {
	address string
	config  *tls.Config // of the client; nil for none
}

// connect makes a connection, with its handshake.
func (p place) connect() (net.Conn, error) {
	if p.config == nil {
		return net.Dial("tcp", p.address)
	}
	return tls.Dial("tcp", p.address, p.config)
}

// ask sends a request, and reads the answer.
func ask(conn net.Conn, reader *bufio.Reader) error {
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// newCertificate returns one with a key of P-256, as most have today.
func newCertificate(b testing.TB) tls.Certificate {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(b, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"example.com"}, NotAfter: time.Now().Add(time.Hour)}
	text, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(b, err)
	leaf, err := x509.ParseCertificate(text)
	require.NoError(b, err)
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key, Leaf: leaf}
}

// places serves an app in each way, until the benchmark ends.
func places(b testing.TB) map[string]place {
	b.Helper()
	certificate := newCertificate(b)
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	client := &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13}

	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Get("/", func(context.Context, struct{}) (string, error) { return "hello", nil })
	served := make(chan error, 2)
	listen := func() net.Listener {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		return listener
	}
	plain, secure := listen(), listen()
	go func() { served <- app.Serve(plain) }()
	go func() {
		served <- app.Serve(tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}))
	}()
	b.Cleanup(func() {
		require.NoError(b, app.Shutdown(context.Background()))
		require.NoError(b, <-served)
		require.NoError(b, <-served)
	})
	all := map[string]place{"none": {plain.Addr().String(), nil}, "own": {secure.Addr().String(), client}}
	if nginx, err := exec.LookPath("nginx"); err == nil {
		all["nginx"] = place{startNginx(b, nginx, plain.Addr().String(), certificate), client}
	}
	return all
}

// startNginx starts a proxy with TLS in front of a service, and returns its address.
func startNginx(b testing.TB, program, service string, certificate tls.Certificate) string {
	b.Helper()
	folder := b.TempDir()
	private, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(b, err)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	address := free.Addr().String()
	require.NoError(b, free.Close())
	for name, text := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"nginx.conf": fmt.Appendf(nil, `daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes auto;
events { worker_connections 1024; }
http {
	access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	upstream app { server %[2]s; keepalive 64; }
	server {
		listen %[3]s ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.3; keepalive_requests 1000000000;
		location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
	}
}`, folder, service, address),
	} {
		require.NoError(b, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	command := exec.Command(program, "-c", filepath.Join(folder, "nginx.conf"))
	command.Stderr = os.Stderr
	require.NoError(b, command.Start())
	b.Cleanup(func() {
		require.NoError(b, command.Process.Signal(os.Interrupt))
		_ = command.Wait()
	})
	for { // until it listens
		conn, err := net.Dial("tcp", address)
		if err == nil {
			require.NoError(b, conn.Close())
			return address
		}
	}
}

func TestEachPlaceAnswers(t *testing.T) {
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			conn, err := p.connect()
			require.NoError(t, err)
			require.NoError(t, ask(conn, bufio.NewReader(conn)))
			require.NoError(t, conn.Close())
		})
	}
}

func BenchmarkTLS(b *testing.B) {
	for name, p := range places(b) {
		b.Run("kept/"+name, func(b *testing.B) {
			b.SetParallelism(8) // connections for each processor
			b.RunParallel(func(pb *testing.PB) {
				conn, err := p.connect()
				if err != nil {
					b.Error(err)
					return
				}
				defer conn.Close()
				for reader := bufio.NewReader(conn); pb.Next(); {
					if err := ask(conn, reader); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
		b.Run("new/"+name, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					conn, err := p.connect()
					if err == nil {
						err = ask(conn, bufio.NewReader(conn))
						_ = conn.Close()
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
