package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/velithontest"
)

// noon is when the files of the first certificate were written.
var noon = time.Now().Truncate(time.Hour)

// renew writes a certificate with a serial number, and its key, hours after noon.
func renew(t *testing.T, p *keyPair, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"shop.example"},
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(24 * time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		p.certFile: {Type: "CERTIFICATE", Bytes: certificate}, p.keyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		write(t, name, string(pem.EncodeToMemory(block)), serial)
	}
}

func write(t *testing.T, name, text string, hours int64) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	at := noon.Add(time.Duration(hours) * time.Hour)
	require.NoError(t, os.Chtimes(name, at, at))
}

func newKeyPair(t *testing.T) *keyPair {
	t.Helper()
	return &keyPair{certFile: filepath.Join(t.TempDir(), "cert.pem"), keyFile: filepath.Join(t.TempDir(), "key.pem")}
}

// connect returns a connection to the app, and the serial number of its certificate.
func connect(t *testing.T, app *velithon.App, config *tls.Config) (*tls.Conn, int64) {
	t.Helper()
	pipe, served := net.Pipe()
	go func() { _ = app.ServeConn(tls.Server(served, config)) }()
	conn := tls.Client(pipe, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12})
	t.Cleanup(func() { _ = pipe.Close() })
	require.NoError(t, conn.Handshake())
	require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
	return conn, conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestCertificatesAreRenewed(t *testing.T) {
	p := newKeyPair(t)
	renew(t, p, 1)
	config, err := p.config()
	require.NoError(t, err)
	app := newApp()
	velithontest.New(t, app) // shuts it down

	old, serial := connect(t, app, config)
	require.EqualValues(t, 1, serial)
	renew(t, p, 2)
	_, serial = connect(t, app, config)
	require.EqualValues(t, 2, serial)

	// A connection that is open goes on.
	_, err = io.WriteString(old, "GET /greet?name=Ada HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(old)
	require.NoError(t, err)
	require.Contains(t, string(answer), `{"message":"Hello Ada"}`)

	// Files that can't be read change nothing, until they can.
	write(t, p.keyFile, "half of a key", 3)
	_, serial = connect(t, app, config)
	require.EqualValues(t, 2, serial)
	require.NoError(t, os.Remove(p.certFile))
	_, serial = connect(t, app, config)
	require.EqualValues(t, 2, serial)
	renew(t, p, 4)
	_, serial = connect(t, app, config)
	require.EqualValues(t, 4, serial)
}

func TestWithoutACertificate(t *testing.T) {
	_, err := newKeyPair(t).config()
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A signal ends the service, with what it has begun.
func TestServe(t *testing.T) {
	p := newKeyPair(t)
	renew(t, p, 1)
	config, err := p.config()
	require.NoError(t, err)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := taken.Addr().String()
	require.ErrorIs(t, serve(newApp(), address, config), syscall.EADDRINUSE)
	require.NoError(t, taken.Close())

	ended := make(chan error, 1)
	go func() { ended <- serve(newApp(), address, config) }()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
	}}
	var response *http.Response
	for response == nil { // until it listens
		select {
		case err := <-ended:
			require.NoError(t, err)
			require.Fail(t, "it has ended")
		default:
			response, _ = client.Get("https://" + address + "/greet?name=Ada")
		}
	}
	require.NoError(t, response.Body.Close())
	require.Equal(t, 200, response.StatusCode)
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	require.NoError(t, self.Signal(syscall.SIGTERM))
	require.NoError(t, <-ended)
}
