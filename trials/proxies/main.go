// Proxies runs a service behind real proxies, with the configurations that
// docs/proxies.md shows, and looks whether they do what it says of them.
//
//	go -C trials run ./proxies
//	go -C trials run ./proxies -only haproxy -restarts 100
//
// A configuration is read from the document, word for word but for addresses,
// ports and paths. Through each proxy, over HTTP/1.1 and HTTP/2, a client gives
// itself another address, uploads as much as it may and more, and reads events
// that must arrive one by one. Then two instances are replaced in turn under
// load, and no request may be lost or done twice.
//
// It runs nginx, haproxy and caddy where they are installed, as processes of
// its own on loopback, and ends them. It takes about ten minutes, and needs Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

func main() {
	log.SetFlags(0)
	if child.Name() != "" {
		if err := serve(); err != nil {
			log.Fatal(err)
		}
		return
	}
	t := trial{log: log.New(os.Stdout, "", 0)}
	only := flag.String("only", "", "the `names` of the proxies to run, with commas; empty for all that are installed")
	flag.StringVar(&t.document, "document", "../docs/proxies.md", "the Markdown `file` that has the configurations")
	flag.IntVar(&t.restarts, "restarts", 20, "how often both instances are replaced")
	flag.IntVar(&t.clients, "clients", 8, "how many clients there are meanwhile")
	flag.DurationVar(&t.pause, "pause", time.Second, "the longest time between two requests of a client")
	flag.Parse()

	// A signal ends the trial as an error does, so that no process is left.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := t.runAll(ctx, *only)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

type trial struct {
	log      *log.Logger
	document string
	restarts int
	clients  int
	pause    time.Duration
}

// runAll runs the proxies of a list of names, which must be installed. Without a
// list it runs those that are.
func (t *trial) runAll(ctx context.Context, only string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	failed := 0
	for i := range chosen {
		p := &chosen[i]
		err := t.run(ctx, p)
		switch {
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), err)
		case errors.Is(err, errNotInstalled) && only == "":
			t.log.Printf("%s: skipped: %v", p.name, err)
		case err != nil:
			t.log.Printf("%s FAILED: %v", p.name, err)
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d proxies did not do what %s says", failed, t.document)
	}
	return nil
}

// choose returns the proxies of a list of names.
func choose(only string) ([]proxy, error) {
	if only == "" {
		return proxies, nil
	}
	var chosen []proxy
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(proxies, func(p proxy) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no proxy %q", name)
		}
		chosen = append(chosen, proxies[i])
	}
	return chosen, nil
}

// run puts a proxy in front of two instances, makes all checks, and logs what
// they found.
func (t *trial) run(ctx context.Context, p *proxy) (err error) {
	program, err := find(p.name)
	if err != nil {
		return err
	}
	s, err := t.begin(ctx, p, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	var faults []string
	for _, check := range checks {
		found, err := check.run(ctx, s)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", check.name, err))
			continue
		}
		t.log.Printf("%s: %s: %s", p.name, check.name, found)
	}
	f, more, err := t.replace(ctx, s)
	if err != nil {
		return err
	}
	t.log.Printf("%s: %v (%s)", p.name, &f, s.version)
	if faults = append(faults, more...); len(faults) > 0 {
		return fmt.Errorf("%d faults:\n%s\nthe proxy said last:\n%s", len(faults), strings.Join(faults, "\n"), s.process.log())
	}
	return nil
}

// replace replaces both instances in turn, in the way that the document says,
// while clients send requests.
func (t *trial) replace(ctx context.Context, s *setup) (f figures, faults []string, err error) {
	clients := make([]client, t.clients)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	running := s.load(ctx, clients, t.pause)
	for range t.restarts {
		for i := range s.instances {
			var took time.Duration
			if took, err = s.restart(ctx, i); err != nil {
				stop()
				running.Wait()
				return f, nil, err
			}
			f.replaced++
			f.longest = max(f.longest, took)
			// Other moments each time.
			wait(ctx, s.proxy.settle+rand.N(200*time.Millisecond))
		}
	}
	stop()
	running.Wait()
	journal, err := os.ReadFile(s.journal)
	if err != nil {
		return f, nil, err
	}
	faults = f.compare(clients, string(journal))
	return f, faults, nil
}

// wait waits, but not longer than ctx.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
