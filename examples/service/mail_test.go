package main

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/velithontest"
)

func TestMailConfirmsOrder(t *testing.T) {
	server := startMailServer(t, &mailServer{})
	r := start(t, func(s *service) { s.mailer = server })

	got := velithontest.Post[order](r.Kit, "/api/v1/orders", `{"email":"ada@example.org","items":[`+
		`{"sku":"book","quantity":2},{"sku":"Bücherregal","quantity":1}]}`, as("ada"))
	require.Equal(t, 201, got.Status)
	o := got.Body
	r.Wait()

	mails := server.mails()
	require.Len(t, mails, 1)
	require.Equal(t, "orders@shop.example", mails[0].from)
	require.Equal(t, "ada@example.org", mails[0].to)
	require.Equal(t, "<ada@example.org>", mails[0].header.Get("To"))
	require.Equal(t, "Your order "+o.ID, mails[0].subject)
	require.Equal(t, "<"+o.ID+"@shop.example>", mails[0].header.Get("Message-ID"))
	require.Equal(t, "Thank you. We have your order:\r\n\r\n2 x book\r\n1 x Bücherregal\r\n", mails[0].text)
}

func TestMailIsTriedAgain(t *testing.T) {
	server := startMailServer(t, &mailServer{replies: []error{tryLater}})
	r := start(t, func(s *service) { s.mailer = server })

	o := r.order("ada")
	r.Wait()

	require.Equal(t, 2, server.tried())
	mails := server.mails()
	require.Len(t, mails, 1)
	require.Equal(t, "Your order "+o.ID, mails[0].subject)
	require.EqualValues(t, 1, r.app.Runner().Stats().Retried)
	warnings := r.log.records(t, "msg", "background task failed")
	require.Len(t, warnings, 1)
	require.Equal(t, "WARN", warnings[0]["level"])
	require.Contains(t, warnings[0]["error"], "greylisted")
}

func TestRefusedMailIsNotTriedAgain(t *testing.T) {
	server := startMailServer(t, &mailServer{replies: []error{noSuchUser}})
	var shop *service
	r := start(t, func(s *service) { shop, s.mailer = s, server })

	got := velithontest.Post[any](r.Kit, "/api/v1/orders", twoBooks, as("ada"))
	require.Equal(t, 201, got.Status, "the order counts, with or without its mail")
	r.Wait()

	require.Equal(t, 1, server.tried())
	require.Empty(t, server.mails())
	require.Equal(t, map[string]int{"confirm order": 1}, shop.failures.counts())
	failures := r.log.records(t, "msg", "background task failed")
	require.Len(t, failures, 1)
	require.Equal(t, "ERROR", failures[0]["level"])
	require.Equal(t, "confirm order", failures[0]["task"])
	require.EqualValues(t, 1, failures[0]["attempt"])
	require.Equal(t, got.Header.Get("X-Request-Id"), failures[0]["request_id"])
	require.Contains(t, failures[0]["error"], `550 "5.1.1 no such user here"`)
}

// A service answers as always while its mail server is down.
func TestMailServerIsDown(t *testing.T) {
	var shop *service
	r := start(t, func(s *service) { shop, s.mailer = s, nowhere(t) })

	r.order("ada")
	r.Wait()

	require.Equal(t, map[string]int{"confirm order": 1}, shop.failures.counts())
	require.EqualValues(t, 2, r.app.Runner().Stats().Retried)
	require.EqualValues(t, 1, r.app.Runner().Stats().Succeeded, "the audit does not depend on mail")
}

// An order is answered while its mail is still on its way, and a shutdown
// waits for the mails of all answered orders.
func TestShutdownDeliversMails(t *testing.T) {
	server := startMailServer(t, &mailServer{hold: make(chan struct{}), replies: []error{nil, tryLater, nil}})
	r := start(t, func(s *service) { s.mailer = server })
	for range 3 {
		r.order("ada")
	}
	<-server.arrived
	require.Empty(t, server.mails())

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served, ended := make(chan error, 1), make(chan error, 1)
	go func() { served <- r.app.Serve(listener) }()
	go func() { ended <- r.app.Shutdown(t.Context()) }()
	if err := <-served; !errors.Is(err, velithon.ErrClosed) {
		require.NoError(t, err)
	}
	require.Empty(t, server.mails(), "the shutdown has begun, and no mail was delivered")
	close(server.hold)

	require.NoError(t, <-ended)
	require.Len(t, server.mails(), 3)
}

// A mail server that stops to answer does not hold up a shutdown beyond its
// time: the task's context ends, and the connection with it.
func TestShutdownOutOfTime(t *testing.T) {
	server := startMailServer(t, &mailServer{hold: make(chan struct{})})
	defer close(server.hold)
	sent := make(chan error, 1)
	r := start(t, func(s *service) { s.mailer = observed{server, sent} })
	r.order("ada")
	<-server.arrived

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var drain *background.DrainError
	require.ErrorAs(t, r.app.Shutdown(ctx), &drain)
	require.Contains(t, drain.Running, "confirm order")
	require.ErrorIs(t, <-sent, background.ErrClosed)
}

// observed is a mailer that tells how each attempt ended.
type observed struct {
	mailer
	sent chan<- error
}

func (o observed) send(ctx context.Context, m message) error {
	err := o.mailer.send(ctx, m)
	o.sent <- err
	return err
}

// What the server has taken is not sent again because it said no good-bye.
func TestMailServerHangsUp(t *testing.T) {
	server := startMailServer(t, &mailServer{hangUp: true})
	r := start(t, func(s *service) { s.mailer = server })
	r.order("ada")
	r.Wait()
	require.Len(t, server.mails(), 1)
	require.Zero(t, r.app.Runner().Stats().Retried)
}

// Errors that another attempt would not mend end the task at once.
func TestMailIsGivenUp(t *testing.T) {
	blocked := startMailServer(t, &mailServer{closed: notToYou})
	for _, test := range []struct {
		name, to, want string
	}{
		{"not an address", "ada", "ada"},
		{"the server does not talk to us", "ada@example.org", "your network is blocked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := make(chan error, 5)
			task := background.NewTask(observed{blocked, sent}.send, message{ID: "1", To: test.to}).
				WithRetry(background.Retry{Attempts: cap(sent), Backoff: time.Nanosecond})
			require.ErrorContains(t, task.Run(t.Context()), test.want)
			require.Len(t, sent, 1, "attempts")
		})
	}
}
