package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/velithon-go/velithon/background"
)

// message is a mail to be sent.
type message struct {
	ID      string // the same in each attempt, so that a second copy can be told from the first
	To      string
	Subject string
	Text    string
}

// mailer sends mails. An error that no further attempt would mend is marked by
// background.Permanent.
type mailer interface {
	send(ctx context.Context, m message) error
}

func newMailer(c config, logger *slog.Logger) mailer {
	if c.smtp.host == "" {
		return mailLog{logger}
	}
	return c.smtp
}

// confirm is the task that mails what was ordered.
func (s *service) confirm(o order) *background.Task {
	var text strings.Builder
	text.WriteString("Thank you. We have your order:\n\n")
	for _, item := range o.Items {
		fmt.Fprintf(&text, "%d x %s\n", item.Quantity, item.SKU)
	}
	m := message{ID: o.ID, To: o.Email, Subject: "Your order " + o.ID, Text: text.String()}
	return s.mails.Task(m)
}

// defineMails makes the kind of the mails: its numbers are in /metrics.
func (s *service) defineMails() {
	s.mails = background.Define("confirm order", s.mailer.send, background.Timeout(s.config.mailTimeout), s.config.mailRetry)
}

// mailLog is the mailer for those who try the service without a mail server.
type mailLog struct{ *slog.Logger }

func (l mailLog) send(ctx context.Context, m message) error {
	l.InfoContext(ctx, "mail", "to", m.To, "subject", m.Subject, "text", m.Text)
	return nil
}

// smtpServer sends mails through a mail server, on a connection for each. The
// connection is encrypted if the server offers it.
type smtpServer struct {
	host string
	port int
	from string
}

func (s smtpServer) send(ctx context.Context, m message) error {
	msg, err := s.compose(m)
	if err != nil {
		return background.Permanent(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := mail.NewClient(s.host,
		mail.WithPort(s.port),
		mail.WithTLSPolicy(mail.TLSOpportunistic),
		mail.WithTimeout(time.Hour), // ctx ends it before; the default would overrule a longer one
		mail.WithDialContextFunc(dialUntil(ctx)))
	if err != nil {
		return background.Permanent(err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	switch {
	case err == nil, msg.IsDelivered():
		return nil // a good-bye that went wrong is no reason to send it twice
	case isRefusal(err):
		return background.Permanent(err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

func (s smtpServer) compose(m message) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := errors.Join(msg.From(s.from), msg.To(m.To)); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + s.from[strings.LastIndexByte(s.from, '@')+1:])
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	return msg, nil
}

// dialUntil dials connections that are closed when ctx is done: the client
// itself looks at a context while it dials, and no longer.
func dialUntil(ctx context.Context) mail.DialContextFunc {
	return func(dialCtx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(dialCtx, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

// isRefusal reports whether the server has said no, for good: a reply of 500
// or more. Anything else, a 451 or a lost connection, may go away.
func isRefusal(err error) bool {
	if sendErr, ok := errors.AsType[*mail.SendError](err); ok {
		return sendErr.ErrorCode() >= 500
	}
	reply, ok := errors.AsType[*textproto.Error](err) // before the mail's turn came
	return ok && reply.Code >= 500
}
