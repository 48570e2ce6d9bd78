// Package child runs this program once more, as the service that a trial is
// made of: a process of its own, which can be flooded, measured and killed.
//
//	func main() {
//		if name := child.Name(); name != "" {
//			serve(name) // an app with Run("127.0.0.1:0")
//			return
//		}
//		service, err := child.Start("shop")
//		…
//	}
package child

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// environment has the name of the service that this process is.
const environment = "VELITHON_TRIAL_CHILD"

// startLimit is the time within which a child must have said its address.
const startLimit = 30 * time.Second

// Name returns what Start was called with, in the child, and nothing in a
// process that no Start has made.
func Name() string { return os.Getenv(environment) }

// A Process is a service that runs. Its methods may be called concurrently,
// but for Wait.
type Process struct {
	Address string // host:port

	command *exec.Cmd
	logged  sync.WaitGroup

	mu  sync.Mutex // guards log
	log bytes.Buffer
}

// Start runs this program as the service of a name, with variables of the form
// key=value added to its environment, and returns when [velithon.App.Run] has
// logged its address. The caller must call Wait, after Signal or Kill.
//
// [velithon.App.Run]: https://pkg.go.dev/github.com/velithon-go/velithon#App.Run
func Start(name string, variables ...string) (*Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{command: exec.Command(program)} //nolint:gosec // it is this program
	p.command.Env = append(append(os.Environ(), environment+"="+name), variables...)
	Leash(p.command)
	output, err := p.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	p.logged.Go(func() { p.collect(output, address) })
	timer := time.AfterFunc(startLimit, p.Kill)
	defer timer.Stop()
	var ok bool
	if p.Address, ok = <-address; !ok {
		return nil, fmt.Errorf("%s did not say its address: %w\n%s", name, p.Wait(), p.Log())
	}
	return p, nil
}

// collect keeps what the child prints, and sends the address in it.
func (p *Process) collect(output io.Reader, address chan<- string) {
	defer close(address)
	lines := bufio.NewReader(output)
	for sent := false; ; {
		line, err := lines.ReadString('\n')
		p.mu.Lock()
		p.log.WriteString(line)
		p.mu.Unlock()
		if _, value, found := strings.Cut(line, "address="); found && !sent {
			address <- strings.TrimSpace(value)
			sent = true
		}
		if err != nil {
			return
		}
	}
}

// Log returns what the child has written to standard error.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// PID returns the child's process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Signal sends a signal to the child.
func (p *Process) Signal(signal os.Signal) error { return p.command.Process.Signal(signal) }

// Kill ends the child at once.
func (p *Process) Kill() { _ = p.command.Process.Kill() }

// Wait waits for the child's end, and for the last line of its log. The error
// is nil if its exit code was 0, and an *exec.ExitError otherwise.
func (p *Process) Wait() error {
	p.logged.Wait() // exec.Cmd.Wait closes the pipe
	return p.command.Wait()
}

// Memory returns the bytes that the child has in memory, its resident set, and
// the most it ever had. It needs Linux.
func (p *Process) Memory() (now, most int64, err error) {
	text, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return 0, 0, err
	}
	if now, err = kilobytes(string(text), "VmRSS:"); err != nil {
		return 0, 0, err
	}
	most, err = kilobytes(string(text), "VmHWM:")
	return now, most, err
}

// OpenFiles returns how many files and sockets the child has open. It needs
// Linux.
func (p *Process) OpenFiles() (int, error) {
	entries, err := os.ReadDir(p.proc("fd"))
	return len(entries), err
}

// Clients returns the ports of the clients whose IPv4 connections the child holds.
// One that it has closed is not among them, though the kernel may still have
// something to send, nor one that waits to be accepted. It needs Linux.
func (p *Process) Clients() (map[int]bool, error) {
	table, err := os.ReadFile(p.proc("net/tcp")) // of all processes
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		return nil, err
	}
	own, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return nil, err
	}
	clients := make(map[int]bool)
	_, lines, _ := strings.Cut(string(table), "\n") // the first has the titles
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		local, remote, inode := fields[1], fields[2], fields[9]
		if !strings.HasSuffix(local, fmt.Sprintf(":%04X", own)) || inode == "0" { // 0: no process has it
			continue
		}
		_, port, _ := strings.Cut(remote, ":")
		n, err := strconv.ParseInt(port, 16, 32)
		if err != nil {
			return nil, fmt.Errorf("no port in %q: %w", line, err)
		}
		if n != 0 { // that of the listener
			clients[int(n)] = true
		}
	}
	return clients, nil
}

func (p *Process) proc(file string) string { return "/proc/" + strconv.Itoa(p.PID()) + "/" + file }

// kilobytes finds a line like "VmRSS:	   12345 kB", and returns bytes.
func kilobytes(status, key string) (int64, error) {
	_, rest, _ := strings.Cut(status, key)
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("no %s in %q: %w", key, status, err)
	}
	return n * 1024, nil
}
