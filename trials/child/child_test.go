package child_test

import (
	"log"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/trials/child"
)

func TestMain(m *testing.M) {
	switch child.Name() {
	case "":
		goleak.VerifyTestMain(m)
	case "fails":
		log.Fatal("no database")
	default:
		if err := velithon.New(velithon.Options{}).Run("127.0.0.1:0"); err != nil {
			log.Fatal(err)
		}
	}
}

func TestAChildServesAndEnds(t *testing.T) {
	service, err := child.Start("serves")
	require.NoError(t, err)
	defer service.Kill()
	response, err := http.Get("http://" + service.Address)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	http.DefaultClient.CloseIdleConnections()

	if _, err := os.Stat("/proc/self/status"); err == nil {
		now, most, err := service.Memory()
		require.NoError(t, err)
		assert.Positive(t, now)
		assert.GreaterOrEqual(t, most, now)
		files, err := service.OpenFiles()
		require.NoError(t, err)
		assert.Greater(t, files, 3)
	}

	require.NoError(t, service.Signal(syscall.SIGTERM))
	require.NoError(t, service.Wait())
	assert.Contains(t, service.Log(), "shut down")
}

// A connection is held until the service closes it, also when the client has read
// nothing of what was sent, so that the kernel still has it.
func TestClientsOfAChild(t *testing.T) {
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		t.Skip("connections are read from /proc")
	}
	service, err := child.Start("serves")
	require.NoError(t, err)
	defer service.Kill()
	conn, err := net.Dial("tcp", service.Address)
	require.NoError(t, err)
	defer conn.Close()
	port := conn.LocalAddr().(*net.TCPAddr).Port
	clients := func() map[int]bool {
		clients, err := service.Clients()
		require.NoError(t, err)
		return clients
	}

	require.Eventually(t, func() bool { return clients()[port] }, time.Minute, time.Millisecond)
	assert.Len(t, clients(), 1)
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(clients()) == 0 }, time.Minute, time.Millisecond)
}

func TestAChildThatDoesNotServe(t *testing.T) {
	_, err := child.Start("fails")
	require.ErrorContains(t, err, "fails did not say its address: exit status 1")
	require.ErrorContains(t, err, "no database")
}
