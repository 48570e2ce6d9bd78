package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velithon-go/velithon/benchmarks/harness"
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

// A measurement is one under way.
type measurement struct {
	config
	directory string // of the binaries
	binaries  []binaries
	recorder  harness.Recorder
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
	err = harness.Rounds(m.count, func(n int) error { return m.round(ctx, n) })
	return m.recorder.Results(), err
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
	return errors.Join(
		harness.CheckNames("item", m.items, items),
		harness.CheckNames("peer", m.peers, peers),
		harness.CheckNames("layer", m.layers, layerNames),
	)
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
		var err error
		b.toolchain, err = harness.Build(ctx, toolchain,
			[]string{"test", "-c", "-o", b.bench, harness.Module + "web"},
			[]string{"build", "-o", b.load, harness.Module + "cmd/load"})
		if err != nil {
			return err
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
		m.recorder.Begin(g.binaries.toolchain, round)
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
	if err := m.recorder.Run(ctx, b.bench, args...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// load takes one round from cmd/load, which has the peers take turns itself.
func (m *measurement) load(ctx context.Context, b binaries, item string) error {
	err := m.recorder.Run(ctx, b.load,
		"-items="+item, "-peers="+strings.Join(b.peers, ","), "-rounds=1",
		"-connections="+strconv.Itoa(m.connections), "-requests="+strconv.Itoa(m.requests))
	if err != nil {
		return fmt.Errorf("load %s: %w", item, err)
	}
	return nil
}
