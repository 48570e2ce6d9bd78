package serve

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"time"
)

// How long a patientListener waits before it tries again: twice as long each
// time, as net/http does.
const (
	minAcceptWait = 5 * time.Millisecond
	maxAcceptWait = time.Second
)

// A patientListener goes on accepting when the process or the machine was short
// of something for a moment, as of file descriptors: fasthttp's server would
// end. Clients wait in the kernel's queue meanwhile. It turns connections away
// which are more than Options.MaxConnections.
type patientListener struct {
	net.Listener
	server *Server
}

// Accept returns the next connection, or the error of a listener that is closed
// or broken.
func (l patientListener) Accept() (net.Conn, error) {
	wait := minAcceptWait
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err == nil && l.server.admits():
			limitUnsent(conn)
			return conn, nil
		case err == nil:
			l.server.turnAway(conn)
			wait = minAcceptWait
		case isShortage(err):
			logSafely(l.server.options.Logger, slog.LevelError, "connections can't be accepted", "error", err, "retry_in", wait)
			time.Sleep(wait)
			wait = min(2*wait, maxAcceptWait)
		default:
			return nil, err
		}
	}
}

// isShortage reports whether an error of Accept is about something that the
// process or the machine has no more of.
func isShortage(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}
