package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velithon-go/velithon/benchmarks/figures"
	"github.com/velithon-go/velithon/benchmarks/web"
)

// The layers.
const (
	handler = "handler" // the handler called without a connection
	pipe    = "pipe"    // over a connection in memory
	sockets = "sockets" // processes, TCP, many connections
)

var layerNames = []string{handler, pipe, sockets}

// ownPeers are those that differ between toolchains: how velithon calls a
// handler does.
var ownPeers = []string{web.Floor, "velithon", "velithon-handle"}

// resultLimit is the time within which one result must be there.
const resultLimit = 2 * time.Minute

// A measurement is one under way.
type measurement struct {
	config
	directory string // of the binaries
	binaries  []binaries
	out       bytes.Buffer
}

// binaries are those that one toolchain built.
type binaries struct {
	toolchain string
	bench     string // the tests of package web
	load      string // cmd/load
	peers     []string
}

// measure runs everything and returns the results. After an error it returns
// those that there are.
func measure(ctx context.Context, c config) ([]byte, error) {
	directory, err := os.MkdirTemp("", "velithon-benchmarks-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	m := &measurement{config: c, directory: directory}
	if err := m.withDefaults(); err != nil {
		return nil, err
	}
	if err := m.build(ctx); err != nil {
		return nil, err
	}
	for round := range m.count {
		begin := time.Now()
		if err := m.round(ctx, round+1); err != nil {
			return m.out.Bytes(), err
		}
		log.Printf("round %d of %d took %v", round+1, m.count, time.Since(begin).Round(time.Second))
	}
	return m.out.Bytes(), nil
}

func (m *measurement) withDefaults() error {
	items, peers := itemNames(), peerNames()
	if len(m.items) == 0 {
		m.items = items
	}
	if len(m.peers) == 0 {
		m.peers = peers
	}
	if len(m.toolchains) == 0 {
		m.toolchains = []string{""} // that of the environment
	}
	for _, check := range []struct {
		what       string
		given, all []string
	}{{"item", m.items, items}, {"peer", m.peers, peers}, {"layer", m.layers, layerNames}} {
		for _, name := range check.given {
			if !slices.Contains(check.all, name) {
				return fmt.Errorf("there is no %s %q, only %s", check.what, name, strings.Join(check.all, ", "))
			}
		}
	}
	return nil
}

func itemNames() (names []string) {
	for _, item := range web.Items() {
		names = append(names, item.Name)
	}
	return names
}

func peerNames() (names []string) {
	for _, peer := range web.Peers() {
		names = append(names, peer.Name)
	}
	return names
}

func (m *measurement) build(ctx context.Context) error {
	for i, toolchain := range m.toolchains {
		b := binaries{
			bench: filepath.Join(m.directory, fmt.Sprintf("%d-bench", i)),
			load:  filepath.Join(m.directory, fmt.Sprintf("%d-load", i)),
			peers: m.peers,
		}
		if i > 0 {
			b.peers = slices.DeleteFunc(slices.Clone(m.peers), func(peer string) bool { return !slices.Contains(ownPeers, peer) })
		}
		const module = "github.com/velithon-go/velithon/benchmarks/"
		for _, args := range [][]string{
			{"env", "GOVERSION"},
			{"test", "-c", "-o", b.bench, module + "web"},
			{"build", "-o", b.load, module + "cmd/load"},
		} {
			command := exec.CommandContext(ctx, "go", args...)
			if toolchain != "" {
				command.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain)
			}
			output, err := command.CombinedOutput()
			if err != nil {
				return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
			}
			if args[0] == "env" {
				b.toolchain = strings.TrimSpace(string(output))
				log.Printf("building with %s", b.toolchain)
			}
		}
		m.binaries = append(m.binaries, b)
	}
	return nil
}

// round takes one result of each peer in each group, the groups and the peers
// in a group in any order.
func (m *measurement) round(ctx context.Context, round int) error {
	type group struct {
		binaries    binaries
		layer, item string
	}
	var groups []group
	for _, b := range m.binaries {
		for _, layer := range m.layers {
			for _, item := range m.items {
				groups = append(groups, group{b, layer, item})
			}
		}
	}
	rand.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	for _, g := range groups {
		_, _ = fmt.Fprintf(&m.out, "%s: %s\n%s: %d\n", figures.ConfigToolchain, g.binaries.toolchain, figures.ConfigRound, round)
		if g.layer == sockets {
			if err := m.load(ctx, g.binaries, g.item); err != nil {
				return err
			}
			continue
		}
		for _, i := range rand.Perm(len(g.binaries.peers)) {
			if err := m.bench(ctx, g.binaries, g.item, g.layer, g.binaries.peers[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// bench takes one result from the benchmarks of package web.
func (m *measurement) bench(ctx context.Context, b binaries, item, layer, peer string) error {
	name := fmt.Sprintf("^Benchmark$/^item=%s$/^layer=%s$/^peer=%s$", item, layer, peer)
	args := []string{"-test.run=^$", "-test.bench=" + name, "-test.benchtime=" + m.benchtime}
	if m.cpu > 0 {
		args = append(args, "-test.cpu="+strconv.Itoa(m.cpu))
	}
	output, err := m.output(ctx, b.bench, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.keep(output)
	return nil
}

// load takes one round from cmd/load, which has the peers take turns itself.
func (m *measurement) load(ctx context.Context, b binaries, item string) error {
	output, err := m.output(ctx, b.load,
		"-items="+item, "-peers="+strings.Join(b.peers, ","), "-rounds=1",
		"-connections="+strconv.Itoa(m.connections), "-requests="+strconv.Itoa(m.requests))
	if err != nil {
		return fmt.Errorf("load %s: %w", item, err)
	}
	m.keep(output)
	return nil
}

func (m *measurement) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, resultLimit)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.WaitDelay = 10 * time.Second
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s%s", err, output.Bytes(), complaint.Bytes())
	}
	return output.Bytes(), nil
}

// result matches what is kept of an output: results, and what they ran on. The
// toolchain and the round are this command's to say.
var result = regexp.MustCompile(`(?m)^(Benchmark/.*|goos: .*|goarch: .*|cpu: .*)\n`)

func (m *measurement) keep(output []byte) {
	for _, line := range result.FindAll(output, -1) {
		m.out.Write(line)
	}
}
