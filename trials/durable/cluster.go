package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// A cluster is a PostgreSQL server of the trial's own, which can be stopped.
type cluster struct {
	folder string // of its files; the caller's
	tools  string
	port   string
}

// newCluster makes and starts a server on loopback. For root it runs as the user postgres.
func newCluster(folder string) (*cluster, error) {
	tools, err := findTools()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		return nil, err
	}
	c := &cluster{folder: folder, tools: tools, port: port}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "postgres", folder).CombinedOutput(); err != nil { //nolint:gosec // it is the trial's own
			return nil, fmt.Errorf("%w: %s", err, out)
		}
	}
	if err := c.do("initdb", "-D", c.data(), "-U", "velithon", "-A", "trust", "--no-sync"); err != nil {
		return nil, err
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	return c, nil
}

// findTools returns the folder of pg_ctl and initdb.
func findTools() (string, error) {
	if path, err := exec.LookPath("pg_ctl"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return "", errors.New("there is no PostgreSQL server: install the package postgresql, or name a server by -server")
	}
	return found[len(found)-1], nil
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }

// url returns where the database of the trial is.
func (c *cluster) url() string {
	return "postgres://velithon@127.0.0.1:" + c.port + "/postgres?sslmode=disable"
}

// do runs one of the server's tools.
func (c *cluster) do(tool string, arguments ...string) error {
	command := append([]string{filepath.Join(c.tools, tool)}, arguments...)
	if os.Getuid() == 0 {
		command = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"}, command...)
	}
	process := exec.Command(command[0], command[1:]...) //nolint:gosec // it is one of PostgreSQL's
	process.Dir = "/"
	output, err := os.CreateTemp("", "") // and no pipe, which the server would hold
	if err != nil {
		return err
	}
	defer os.Remove(output.Name()) //nolint:errcheck // the system clears that folder
	defer output.Close()
	process.Stdout, process.Stderr = output, output
	if err := process.Run(); err != nil {
		text, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%s: %w: %s", tool, err, text)
	}
	return nil
}

func (c *cluster) start() error {
	options := fmt.Sprintf("-h 127.0.0.1 -p %s -k %s -c max_connections=300", c.port, c.folder)
	return c.do("pg_ctl", "-D", c.data(), "-w", "-t", "60", "-l", filepath.Join(c.folder, "log"), "-o", options, "start")
}

// stop stops the server, as if its machine was switched off with mode immediate.
func (c *cluster) stop(mode string) error {
	return c.do("pg_ctl", "-D", c.data(), "-m", mode, "-w", "stop")
}
