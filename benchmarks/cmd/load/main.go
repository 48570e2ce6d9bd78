// Load times the peers on real sockets: each peer's server is a process of its
// own, and in each round every peer gets the same number of requests over
// connections that are kept, one peer after the other, in another order each
// round.
//
//	go run ./cmd/load -items order -rounds 5
//	taskset -c 1 go run ./cmd/load -front "taskset -c 0"   # a processor for each side
//
// It prints results in Go's benchmark format, and a table of medians to the
// standard error output.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/benchmarks/figures"
	"github.com/velithon-go/velithon/benchmarks/web"
)

type config struct {
	peers, items []string
	front        []string // of each server's command
	rounds       int
	connections  int
	requests     int
	limit        time.Duration
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	var (
		c     config
		serve = flag.String("serve", "", "serve this `peer` until the standard input ends, instead of timing")
		peers = flag.String("peers", "", "comma-separated `names` of the peers; all without")
		items = flag.String("items", "order", "comma-separated `names` of the items")
		front = flag.String("front", "", "a `command` in front of each server's, such as \"taskset -c 0\"")
		total = flag.Duration("timeout", 30*time.Minute, "give up after this time")
	)
	flag.IntVar(&c.rounds, "rounds", 5, "the number of rounds")
	flag.IntVar(&c.connections, "connections", 64, "the number of connections")
	flag.IntVar(&c.requests, "requests", 20_000, "the number of requests of each peer and item in a round")
	flag.DurationVar(&c.limit, "limit", 30*time.Second, "the time within which one peer's part of a round must end")
	flag.Parse()
	if *serve != "" {
		if err := serveUntilEOF(*serve); err != nil {
			log.Fatal(err)
		}
		return
	}
	c.peers, c.items, c.front = split(*peers), split(*items), strings.Fields(*front)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *total)
	defer cancel()
	if err := run(ctx, c, os.Stdout, os.Stderr); err != nil {
		log.Fatal(err) // the servers end with this process, which holds their input
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func run(ctx context.Context, c config, out, tables io.Writer) (err error) {
	items, err := selected(web.Items(), c.items, func(i web.Item) string { return i.Name })
	if err != nil {
		return err
	}
	peers, err := selected(web.Peers(), c.peers, func(p web.Peer) string { return p.Name })
	if err != nil {
		return err
	}
	servers := make([]*server, 0, len(peers))
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, peer := range peers {
		s, err := start(ctx, c.front, peer.Name)
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}

	var results bytes.Buffer
	both := io.MultiWriter(out, &results)
	_, _ = fmt.Fprintf(both, "goos: %s\ngoarch: %s\n%s: %s\n", runtime.GOOS, runtime.GOARCH, figures.ConfigToolchain, runtime.Version())
	for round := range c.rounds {
		_, _ = fmt.Fprintf(both, "%s: %d\n", figures.ConfigRound, round+1)
		for _, item := range items {
			for _, i := range rand.Perm(len(servers)) {
				s := servers[i]
				timing, err := c.time(ctx, s, item)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", s.peer, item.Name, err)
				}
				_, _ = fmt.Fprintf(both, "Benchmark/item=%s/layer=sockets/peer=%s %s\n", item.Name, s.peer, timing)
			}
		}
	}
	return writeTables(tables, &results, peers, items)
}

func writeTables(w io.Writer, results io.Reader, peers []web.Peer, items []web.Item) error {
	var set figures.Set
	if err := set.Read(results); err != nil {
		return err
	}
	names := make([]string, len(peers))
	for i, peer := range peers {
		names[i] = peer.Name
	}
	for _, item := range items {
		_, _ = fmt.Fprintf(w, "\n%s\n", item.Name)
		set.Compare(figures.Group{Toolchain: runtime.Version(), Layer: "sockets", Item: item.Name}, names, names[0]).WriteText(w)
	}
	return nil
}

// selected returns the values of the given names, in their own order; all when
// there are no names.
func selected[T any](all []T, names []string, name func(T) string) (values []T, err error) {
	if len(names) == 0 {
		return all, nil
	}
	for _, n := range names {
		before := len(values)
		for _, v := range all {
			if name(v) == n {
				values = append(values, v)
			}
		}
		if len(values) == before {
			return nil, fmt.Errorf("there is no %q", n)
		}
	}
	return values, nil
}
