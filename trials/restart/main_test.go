package main

import (
	"log"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/trials/child"
)

func TestMain(m *testing.M) {
	if child.Name() != "" {
		serve()
		return
	}
	goleak.VerifyTestMain(m)
}

func TestNoRequestFails(t *testing.T) {
	var said strings.Builder
	trial := trial{log: log.New(&said, "", 0), requests: 1000, restarts: 1, clients: 8, pause: 100 * time.Millisecond, drain: true}
	require.NoError(t, trial.run(), "%s", &said)
	assert.Contains(t, said.String(), " requests of 8 clients")
	assert.Contains(t, said.String(), ": 0 failed;")
}

func TestBalancerTriesTheNext(t *testing.T) {
	refuses, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refuses.Close())
	accepts, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer accepts.Close()

	b, err := newBalancer()
	require.NoError(t, err)
	defer b.listener.Close()
	b.add(refuses.Addr().String())
	b.add(accepts.Addr().String())
	for range 3 {
		conn, err := b.dial()
		require.NoError(t, err)
		assert.Equal(t, accepts.Addr(), conn.RemoteAddr())
		require.NoError(t, conn.Close())
	}
	b.remove(accepts.Addr().String())
	_, err = b.dial()
	require.ErrorContains(t, err, "refused")
	b.remove(refuses.Addr().String())
	_, err = b.dial()
	require.EqualError(t, err, "no backend is left")
}
