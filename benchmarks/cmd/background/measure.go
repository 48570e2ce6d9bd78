package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/benchmarks/background"
	"github.com/velithon-go/velithon/benchmarks/harness"
)

// measure runs everything and returns the results. After an error it returns
// those that there are.
func measure(ctx context.Context, c config) ([]byte, error) {
	items, err := c.chosen()
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "velithon-benchmarks-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	binary := filepath.Join(directory, "bench")
	toolchain, err := harness.Build(ctx, c.toolchain, []string{"test", "-c", "-o", binary, harness.Module + "background"})
	if err != nil {
		return nil, err
	}
	var recorder harness.Recorder
	err = harness.Rounds(c.count, func(n int) error {
		recorder.Begin(toolchain, n)
		return round(ctx, &recorder, binary, items)
	})
	return recorder.Results(), err
}

// chosen returns the items and their peers that are asked for.
func (c config) chosen() ([]background.Item, error) {
	peers := []string{background.Bare}
	for _, p := range background.Peers() {
		peers = append(peers, p.Name)
	}
	var items []background.Item
	var names []string
	for _, item := range background.Items() {
		kind := strings.TrimRight(item.Name, "0123456789")
		names = append(names, item.Name, kind)
		if len(c.items) > 0 && !slices.Contains(c.items, item.Name) && !slices.Contains(c.items, kind) {
			continue
		}
		item.Peers = slices.DeleteFunc(slices.Clone(item.Peers), func(peer string) bool {
			return len(c.peers) > 0 && !slices.Contains(c.peers, peer)
		})
		items = append(items, item)
	}
	return items, errors.Join(
		harness.CheckNames("item", c.items, slices.Compact(names)),
		harness.CheckNames("peer", c.peers, peers),
	)
}

// round takes one result of each peer in each item, the items and the peers in
// an item in any order.
func round(ctx context.Context, recorder *harness.Recorder, binary string, items []background.Item) error {
	for _, i := range rand.Perm(len(items)) {
		item := items[i]
		for _, k := range rand.Perm(len(item.Peers)) {
			name := fmt.Sprintf("^Benchmark$/^item=%s$/^peer=%s$", item.Name, item.Peers[k])
			if err := recorder.Run(ctx, binary, "-test.run=^$", "-test.bench="+name, "-test.benchtime="+item.Benchtime); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}
