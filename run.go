package velithon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/velithon-go/velithon/background"
)

// Run listens on a TCP address such as ":8080" or "127.0.0.1:0", logs the
// address, and serves until the process gets SIGINT or SIGTERM, the listener
// fails, or [App.Shutdown] is called. It then shuts down as that does, within
// Options.ShutdownTimeout, and returns nil when every request and all background
// work ended, but for tasks that are due later: those are given up and named in the
// log. A second signal ends the process at once.
func (a *App) Run(addr string) error {
	a.describeInstead()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("velithon: %w", err)
	}
	return a.RunListener(listener)
}

// RunTLS is [App.Run] with HTTPS, from TLS 1.2 upwards, and without HTTP/2. The files are
// of PEM: the certificate with those between it and the root, and its key. They are looked
// at for each new connection and read again when they have changed, so whatever renews
// them has nothing to restart. While they can't be read together, since one of them is yet
// to be written, the last pair that could is used, and the log says so once. It returns an
// error at once if there is none to begin with.
func (a *App) RunTLS(addr, certFile, keyFile string) error {
	a.describeInstead()
	pair := &keyPair{certFile: certFile, keyFile: keyFile, logger: a.options.Logger}
	if _, err := pair.get(nil); err != nil {
		return fmt.Errorf("velithon: %w", err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("velithon: %w", err)
	}
	return a.RunListener(tls.NewListener(listener, &tls.Config{
		GetCertificate: pair.get,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // there is no HTTP/2
	}))
}

// RunListener is [App.Run] on a listener of the service's own, which it closes: on a Unix
// socket, one that was inherited, or one of crypto/tls with a configuration of its own.
func (a *App) RunListener(listener net.Listener) error {
	a.describeInstead()
	signals, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logSafely(a.options.Logger, slog.LevelInfo, "listening", "address", listener.Addr().String())

	var serveErr error
	served := make(chan struct{})
	go func() {
		defer close(served)
		serveErr = a.Serve(listener)
	}()
	select {
	case <-served: // the listener failed, or Shutdown was called elsewhere
		context.AfterFunc(signals, stop)
	case <-signals.Done():
		stop() // from here on a signal has its default effect
	}
	logSafely(a.options.Logger, slog.LevelInfo, "shutting down", "within", a.options.ShutdownTimeout)
	ctx, cancel := context.WithTimeout(context.Background(), a.options.ShutdownTimeout)
	defer cancel()
	err, drainErr := a.shutDown(ctx)
	<-served
	if signals.Err() != nil && errors.Is(serveErr, ErrClosed) {
		serveErr = nil // the signal came while the queue was started
	}
	if errors.Is(drainErr, background.ErrDueLater) {
		drainErr = nil // more time would not have changed it
	}
	err = errors.Join(err, drainErr, serveErr)
	if err == nil {
		stats := a.runner.Stats()
		succeeded, failed := a.storedTasks(ctx)
		logSafely(a.options.Logger, slog.LevelInfo, "shut down",
			"tasks_succeeded", stats.Succeeded+succeeded, "tasks_failed", stats.Failed+failed, "tasks_given_up", stats.Abandoned)
	}
	return err
}

// storedTasks returns how many tasks of the queue have ended in this process, of which the
// runner makes the attempts and does not count the tasks.
func (a *App) storedTasks(ctx context.Context) (succeeded, failed uint64) {
	queue, ok := a.options.Queue.(interface {
		Kinds(ctx context.Context) ([]background.KindStats, error)
	})
	if !ok {
		return 0, 0
	}
	kinds, _ := queue.Kinds(ctx) // without the database, these numbers are there all the same
	for _, kind := range kinds {
		succeeded += kind.Succeeded
		failed += kind.Failed
	}
	return succeeded, failed
}
