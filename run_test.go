package velithon_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
)

// noon is when the files of certificates were first written.
var noon = time.Now().Truncate(time.Hour)

// A pemPair is the files of a certificate and its key.
type pemPair struct{ certFile, keyFile string }

func newPEMPair(t *testing.T) pemPair {
	t.Helper()
	folder := t.TempDir()
	return pemPair{filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")}
}

// renew writes a certificate with a serial number, and its key, so many hours after noon.
func (p pemPair) renew(t *testing.T, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	writeAt(t, p.certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})), serial)
	writeAt(t, p.keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), serial)
}

func writeAt(t *testing.T, name, text string, hours int64) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	at := noon.Add(time.Duration(hours) * time.Hour)
	require.NoError(t, os.Chtimes(name, at, at))
}

// serialOf returns a connection to an address, and the serial number of its certificate.
func serialOf(t *testing.T, address string) (*tls.Conn, int64) {
	t.Helper()
	conn := tls.Client(dial(t, address), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12})
	require.NoError(t, conn.Handshake())
	require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
	return conn, conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestRunTLSRenewsItsCertificate(t *testing.T) {
	log := make(logLines, 100)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	p := newPEMPair(t)
	p.renew(t, 1)
	ran := make(chan error, 1)
	go func() { ran <- app.RunTLS("127.0.0.1:0", p.certFile, p.keyFile) }()
	_, address, _ := strings.Cut(log.waitFor(t, "address="), "address=")

	old, serial := serialOf(t, address)
	require.EqualValues(t, 1, serial)
	p.renew(t, 2)
	_, serial = serialOf(t, address)
	require.EqualValues(t, 2, serial)

	// A connection that is open goes on.
	write(t, old, "GET /nowhere HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(old)
	require.NoError(t, err)
	require.Contains(t, string(answer), "HTTP/1.1 404 Not Found")

	// Files that can't be read together change nothing, and are told of once, until they can,
	// also where their times are the same.
	writeAt(t, p.keyFile, "half of a key", 3)
	for range 2 {
		_, serial = serialOf(t, address)
		require.EqualValues(t, 2, serial)
	}
	log.waitFor(t, "the certificate is not renewed")
	require.Empty(t, log)
	p.renew(t, 3)
	_, serial = serialOf(t, address)
	require.EqualValues(t, 3, serial)
	require.NoError(t, os.Remove(p.certFile))
	_, serial = serialOf(t, address)
	require.EqualValues(t, 3, serial)

	require.NoError(t, app.Shutdown(t.Context()))
	require.NoError(t, await(t, ran, "RunTLS"))
}

func TestRunTLSFailsAtOnce(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet})
	p := newPEMPair(t)
	err := app.RunTLS("127.0.0.1:0", p.certFile, p.keyFile)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "velithon: open "+p.certFile)
	p.renew(t, 1)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	err = app.RunTLS(taken.Addr().String(), p.certFile, p.keyFile)
	require.ErrorContains(t, err, "velithon: listen tcp "+taken.Addr().String()+": bind: address already in use")
}

func TestRunListener(t *testing.T) {
	log := make(logLines, 100)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	socket := filepath.Join(t.TempDir(), "app.sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	ran := make(chan error, 1)
	go func() { ran <- app.RunListener(listener) }()
	log.waitFor(t, "address="+socket)
	conn, err := net.Dial("unix", socket)
	require.NoError(t, err)
	write(t, conn, "GET /nowhere HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Contains(t, string(answer), "HTTP/1.1 404 Not Found")
	require.NoError(t, app.Shutdown(t.Context()))
	require.NoError(t, await(t, ran, "RunListener"))
}

// countingDrawer is a drawer that knows what became of its tasks, though not from its
// database.
type countingDrawer struct{ drawer }

func (*countingDrawer) Kinds(context.Context) ([]background.KindStats, error) {
	return []background.KindStats{{Kind: "mail", Succeeded: 3, Failed: 1}, {Kind: "invoice", Succeeded: 4}}, errors.New("away")
}

// Who reads the log is told of the tasks of the queue, too, which this process has worked.
func TestRunTellsOfStoredTasks(t *testing.T) {
	log := make(logLines, 100)
	app := velithon.New(velithon.Options{Logger: slog.New(slog.NewTextHandler(log, nil)), Queue: new(countingDrawer)})
	ran := make(chan error, 1)
	go func() { ran <- app.Run("127.0.0.1:0") }()
	_, address, _ := strings.Cut(log.waitFor(t, "address="), "address=")
	send(t, address, request("GET", "/nowhere", "")) // Shutdown comes after Serve
	require.NoError(t, app.Runner().Submit(t.Context(), background.Func("in memory", func(context.Context) error { return nil })))
	require.NoError(t, app.Shutdown(t.Context()))
	require.NoError(t, await(t, ran, "Run"))
	log.waitFor(t, "tasks_succeeded=8 tasks_failed=1 tasks_given_up=0")
}
