package velithon

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A keyPair is a certificate with its key, in two files of PEM that something else renews.
type keyPair struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex // guards what follows
	loaded  *tls.Certificate
	changed [2]time.Time // of the files of loaded
	told    [2]time.Time // of files that could not be read, of which the log has been told
}

// get returns the certificate for a new connection: of the files as they are, or the last
// one that could be read. Files that could not be read are tried again each time, since
// what was written since then may have the same time.
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
	pair, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	switch {
	case err == nil:
		p.loaded, p.changed = &pair, changed
	case p.loaded == nil:
		return nil, err
	case changed != p.told:
		p.told = changed
		logSafely(p.logger, slog.LevelWarn, "the certificate is not renewed", "error", err)
	}
	return p.loaded, nil
}
