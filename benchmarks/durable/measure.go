package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/velithon-go/velithon/benchmarks/harness"
)

// resultLimit is the time within which one result must be there.
const resultLimit = 5 * time.Minute

// rare is the item that is measured only when it is asked for by its name.
const rare = "waiting1m"

// measure runs everything and returns the results. After an error it returns those that
// there are.
func measure(ctx context.Context, c config) ([]byte, error) {
	items, err := c.chosen()
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.Setenv(childEnv, "1"); err != nil {
		return nil, err
	}
	defer os.Unsetenv(childEnv) //nolint:errcheck // it was just set
	recorder := harness.Recorder{Limit: resultLimit}
	err = harness.Rounds(c.count, func(n int) error {
		recorder.Begin(runtime.Version(), n)
		return c.round(ctx, &recorder, program, items)
	})
	return recorder.Results(), err
}

// chosen returns the items and their peers that are asked for and can be had.
func (c config) chosen() (chosen []item, err error) {
	if !c.places.SQLite && c.places.Postgres == "" && c.places.Redis == "" {
		return nil, errors.New("there is nothing to measure without -sqlite, -postgres and -redis")
	}
	var itemNames, peerNames []string
	for _, p := range peers() {
		peerNames = append(peerNames, p.name)
	}
	for _, i := range allItems() {
		itemNames = append(itemNames, i.name)
		if !slices.Contains(c.items, i.name) && (len(c.items) > 0 || i.name == rare) {
			continue
		}
		i.peers = slices.DeleteFunc(slices.Clone(i.peers), func(name string) bool {
			p, err := peerOf(name)
			return err != nil || !c.places.hasEngine(p.engine) || len(c.peers) > 0 && !slices.Contains(c.peers, name)
		})
		chosen = append(chosen, i)
	}
	return chosen, errors.Join(harness.CheckNames("item", c.items, itemNames), harness.CheckNames("peer", c.peers, peerNames))
}

// round takes one result of each peer in each item, the items and the peers in an item in
// any order.
func (c config) round(ctx context.Context, recorder *harness.Recorder, program string, items []item) error {
	for _, k := range rand.Perm(len(items)) {
		i := items[k]
		begin := time.Now()
		for _, k := range rand.Perm(len(i.peers)) {
			m := measurement{i.peers[k], max(i.n/c.divide, 1), c.places}
			if err := recorder.Run(ctx, program, resultArgs(i, m)...); err != nil {
				return fmt.Errorf("%s of %s: %w", i.name, m.peer, err)
			}
		}
		log.Printf("%s took %v", i.name, time.Since(begin).Round(time.Second/10))
	}
	return nil
}

// processor returns the name of the processor, as the go command prints it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(text) {
		if name, value, _ := bytes.Cut(line, []byte(":")); string(bytes.TrimSpace(name)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return "unknown"
}
