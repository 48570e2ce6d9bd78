package main

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// A mailServer is a real one, on a real socket.
type mailServer struct {
	smtpServer // how to reach it

	arrived chan struct{} // sent to when a mail has been read, before it is answered
	hold    chan struct{} // unless nil, no mail is answered before this is closed
	closed  error         // unless nil, the reply to EHLO and HELO
	hangUp  bool          // close the connection after the first mail

	mu       sync.Mutex // guards what follows
	replies  []error    // one for each RCPT, nil for yes; yes to all after them
	attempts int        // how many RCPT there were
	inbox    []delivered
}

// delivered is a mail that the server has said yes to.
type delivered struct {
	from, to string // of the envelope
	header   mail.Header
	subject  string
	text     string
}

// startMailServer runs s until the test ends.
func startMailServer(t *testing.T, s *mailServer) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.smtpServer = serverAt(t, listener.Addr().String())
	s.arrived = make(chan struct{}, 100)
	server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: conn.Conn()}, s.closed
	}))
	server.Domain = "mail.example"
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, <-served)
	})
	return s
}

func serverAt(t *testing.T, address string) smtpServer {
	t.Helper()
	host, port, err := splitAddr(address)
	require.NoError(t, err)
	return smtpServer{host, port, "orders@shop.example"}
}

// nowhere is a mail server that is down.
func nowhere(t *testing.T) smtpServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return serverAt(t, listener.Addr().String())
}

// mails returns what was delivered so far.
func (s *mailServer) mails() []delivered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivered(nil), s.inbox...)
}

// tried returns how often a mail was offered.
func (s *mailServer) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts
}

// A session is one connection.
type session struct {
	server *mailServer
	conn   net.Conn
	mail   delivered
}

func (s *session) Logout() error { return nil }

// Reset is called after the reply to a mail, too.
func (s *session) Reset() {
	if s.server.hangUp && s.mail.header != nil {
		_ = s.conn.Close()
	}
	s.mail = delivered{}
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) (err error) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.mail.to = to
	s.server.attempts++
	if len(s.server.replies) > 0 {
		err, s.server.replies = s.server.replies[0], s.server.replies[1:]
	}
	return err
}

func (s *session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		return err
	}
	s.mail.header, s.mail.text = m.Header, string(text)
	if s.mail.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return err
	}
	s.server.arrived <- struct{}{}
	if s.server.hold != nil {
		<-s.server.hold
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.inbox = append(s.server.inbox, s.mail)
	return nil
}

// How mail servers refuse.
var (
	tryLater   = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, come back later"}
	noSuchUser = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user here"}
	notToYou   = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "your network is blocked"}
)
