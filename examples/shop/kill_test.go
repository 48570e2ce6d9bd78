package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A child is the shop as a process of its own.
type child struct {
	*exec.Cmd
	url string
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	c := &child{Cmd: exec.CommandContext(t.Context(), os.Args[0], append(args, "-addr", "127.0.0.1:0")...)}
	c.Env = append(os.Environ(), childEnv+"=1", "JWT_SECRET="+secret, "STAFF_KEY=the key of the staff", "OPS_PASSWORD=the password of ops")
	log, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := bufio.NewScanner(log)
	for c.url == "" {
		require.True(t, lines.Scan(), "it did not listen")
		if _, address, ok := strings.Cut(lines.Text(), "address="); ok {
			c.url = "http://" + address
		}
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return c
}

// A mailServer tells of each mail that it is sent. The first one it leaves without an answer.
type mailServer struct {
	net.Listener
	tried chan struct{}
	mails chan string
}

func startMailServer(t *testing.T) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	s := &mailServer{listener, make(chan struct{}), make(chan string, 1)}
	go func() {
		for first := true; ; first = false {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if !first {
				s.serve(conn)
				continue
			}
			s.tried <- struct{}{}
			_, _ = io.Copy(io.Discard, conn) // until the process is killed
			_ = conn.Close()
		}
	}()
	return s
}

// serve takes one mail.
func (s *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	_, _ = io.WriteString(conn, "220 mail.example\r\n")
	var mail strings.Builder
	inMail := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		switch {
		case inMail && line == ".":
			inMail = false
			_, _ = io.WriteString(conn, "250 taken\r\n")
			s.mails <- mail.String()
		case inMail:
			mail.WriteString(line + "\n")
		case line == "DATA":
			inMail = true
			_, _ = io.WriteString(conn, "354 go on\r\n")
		case line == "QUIT":
			_, _ = io.WriteString(conn, "221 bye\r\n")
			return
		default:
			_, _ = io.WriteString(conn, "250 fine\r\n")
		}
	}
}

// A process that is killed while it sends a mail has promised that mail: the next one sends it.
func TestAKilledShopSendsItsMails(t *testing.T) {
	server := startMailServer(t)
	args := []string{"-db", filepath.Join(t.TempDir(), "shop.db"), "-smtp", server.Addr().String()}
	killed := startChild(t, args...)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, killed.url+"/api/orders", strings.NewReader(twoBooks))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	_, token, _ := strings.Cut(as(t, "ada@example.org"), ": ")
	request.Header.Set("Authorization", token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 201, answer.StatusCode)
	<-server.tried
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())

	next := startChild(t, args...)
	require.Equal(t, fmt.Sprintf("To: %s\nSubject: Your order %d\n\nThank you. We have your order.\n", "ada@example.org", 1), <-server.mails)
	require.NoError(t, next.Process.Signal(syscall.SIGTERM))
	require.NoError(t, next.Wait())
}
