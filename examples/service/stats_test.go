package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

func TestStats(t *testing.T) {
	server := startMailServer(t, &mailServer{hold: make(chan struct{})})
	r := start(t, func(s *service) { s.mailer = server })
	r.order("ada")
	<-server.arrived

	got := decode[stats](t, velithontest.Get[any](r.Kit, "/stats").Text)
	require.NotZero(t, got.Running, "the mail is on its way")
	require.NotNil(t, got.Failed)
	close(server.hold)
}
