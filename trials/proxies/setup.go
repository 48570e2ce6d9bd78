package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

const (
	startLimit   = 20 * time.Second // for a proxy to answer
	requestLimit = 30 * time.Second // for any answer
)

// A setup is a proxy in front of two instances of the service.
type setup struct {
	version   string
	place     place
	proxy     *proxy
	journal   string
	process   *process
	instances [2]*child.Process
	roots     *x509.CertPool
}

// begin starts the instances and the proxy, and waits until it answers.
func (t *trial) begin(ctx context.Context, p *proxy, program string) (_ *setup, err error) {
	s := &setup{proxy: p}
	if s.version, err = versionOf(program, p.version); err != nil {
		return nil, err
	}
	if s.place.folder, err = os.MkdirTemp("", "proxies"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	// As root, nginx has its workers run as another user, who reads and writes here.
	if err := os.Chmod(s.place.folder, 0o755); err != nil { //nolint:gosec // for that user
		return nil, err
	}
	s.journal = s.place.path("journal")
	for i := range s.instances {
		if s.place.instances[i], err = freeAddress(); err != nil {
			return nil, err
		}
		if err := s.startInstance(i); err != nil {
			return nil, err
		}
	}
	if s.place.address, err = freeAddress(); err != nil {
		return nil, err
	}
	a, err := p.prepare(t.document, s.place)
	if err != nil {
		return nil, err
	}
	if s.process, err = start(program, a.arguments, a.environment, s.place.folder); err != nil {
		return nil, err
	}
	if err := s.awaitProxy(ctx, s.place.path(a.roots)); err != nil {
		return nil, err
	}
	return s, nil
}

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (s *setup) startInstance(i int) (err error) {
	s.instances[i], err = child.Start("shop",
		addressVariable+"="+s.place.instances[i], journalVariable+"="+s.journal, leavingVariable+"="+s.leaving(i))
	return err
}

// awaitProxy waits until a request arrives at the service through the proxy.
func (s *setup) awaitProxy(ctx context.Context, roots string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var last error
	for ; ctx.Err() == nil; wait(ctx, 50*time.Millisecond) {
		select {
		case <-s.process.ended:
			return fmt.Errorf("the proxy has ended: %s", s.process.log())
		default:
		}
		var text []byte
		if text, last = os.ReadFile(roots); last != nil { //nolint:gosec // a file of the table
			continue
		}
		s.roots = x509.NewCertPool()
		s.roots.AppendCertsFromPEM(text)
		web := s.client(http2)
		a, err := do(ctx, web, http.MethodGet, "/api/orders/first", nil, nil)
		if last = err; err == nil {
			last = a.decode(new(order))
		}
		web.CloseIdleConnections()
		if last == nil {
			return nil
		}
	}
	return fmt.Errorf("the proxy does not answer: %w\n%s", last, s.process.log())
}

// close ends all processes, however far begin has come.
func (s *setup) close() (err error) {
	if s.process != nil {
		s.process.end()
	}
	for _, instance := range s.instances {
		if instance != nil {
			instance.Kill()
			_ = instance.Wait() // killed
		}
	}
	return os.RemoveAll(s.place.folder)
}

// leaving is the file that tells an instance that it is about to end.
func (s *setup) leaving(i int) string { return s.place.path("leaving" + strconv.Itoa(i)) }

// restart replaces an instance: the old one ends, and the new one listens at the
// same address. It returns how long the end took.
func (s *setup) restart(ctx context.Context, i int) (time.Duration, error) {
	if s.proxy.notice > 0 {
		if err := os.WriteFile(s.leaving(i), nil, 0o600); err != nil {
			return 0, err
		}
		defer os.Remove(s.leaving(i)) //nolint:errcheck // the instance that comes would not be ready
		wait(ctx, s.proxy.notice)
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	old := s.instances[i]
	s.instances[i] = nil
	begun := time.Now()
	if err := old.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	late := time.AfterFunc(requestLimit, old.Kill)
	defer late.Stop()
	if err := old.Wait(); err != nil {
		return 0, fmt.Errorf("an instance ended: %w\n%s", err, old.Log())
	}
	return time.Since(begun), s.startInstance(i)
}

// The versions of HTTP that clients speak to the proxy.
const (
	http1 = "HTTP/1.1"
	http2 = "HTTP/2.0"
)

var versions = []string{http1, http2}

// clientAddress is where all clients are: not where the proxy is, so that the
// one can't be taken for the other.
var clientAddress = net.IPv4(127, 0, 0, 77)

// client returns a client of the proxy with connections of its own.
func (s *setup) client(version string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: clientAddress}}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(version == http1)
	protocols.SetHTTP2(version == http2)
	return &http.Client{Timeout: requestLimit, Transport: &http.Transport{
		Protocols:       protocols,
		TLSClientConfig: &tls.Config{RootCAs: s.roots, ServerName: host, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, s.place.address)
		},
	}}
}

// withEach calls f with a client of each version of HTTP.
func (s *setup) withEach(f func(version string, web *http.Client) error) error {
	for _, version := range versions {
		web := s.client(version)
		err := f(version, web)
		web.CloseIdleConnections()
		if err != nil {
			return fmt.Errorf("%s: %w", version, err)
		}
	}
	return nil
}
