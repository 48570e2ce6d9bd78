package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velithon-go/velithon/benchmarks/harness"
	"github.com/velithon-go/velithon/benchmarks/web"
)

// serveUntilEOF is what a server's process does: it prints its address, and for
// each line of its input the nanoseconds that it has spent on all processors. It
// ends when the process that started it closes its input or ends itself.
func serveUntilEOF(name string) error {
	peers, err := selected(web.Peers(), []string{name}, func(p web.Peer) string { return p.Name })
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := peers[0].New(web.NewShop())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
			fmt.Println(harness.ProcessorTime().Nanoseconds())
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-ended:
		return nil // the process ends, and the server with it
	}
}

// A server is a peer's process.
type server struct {
	peer    string
	address string
	process *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
}

// start runs a peer's server, by the command in front if there is one.
func start(ctx context.Context, front []string, peer string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := slices.Concat(front, []string{self, "-serve", peer})
	process := exec.CommandContext(ctx, command[0], command[1:]...)
	process.Stderr = os.Stderr
	process.WaitDelay = 10 * time.Second
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	s := &server{peer: peer, process: process, stdin: stdin, stdout: bufio.NewReader(stdout)}
	address, err := s.stdout.ReadString('\n')
	if err != nil {
		_ = s.stop()
		return nil, fmt.Errorf("start the server of %s: %w", peer, err)
	}
	s.address = strings.TrimSpace(address)
	return s, nil
}

// processorTime returns the time that the server has spent on all processors.
func (s *server) processorTime() (time.Duration, error) {
	if _, err := io.WriteString(s.stdin, "\n"); err != nil {
		return 0, err
	}
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(n), err
}

func (s *server) stop() error {
	_ = s.stdin.Close()
	return s.process.Wait()
}
