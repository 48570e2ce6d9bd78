// Restart restarts two processes of a service in turn, behind a balancer that
// passes bytes, while clients whose connections are kept alive send requests.
//
//	go -C trials run ./restart -requests 50000
//
// No request may fail, and no client sends one twice. The balancer takes a
// process out of its rotation before that is sent SIGTERM, as it has to be in a
// deployment, but it knows nothing of HTTP: connections that are open go on
// until the service closes them. With -drain=false it is not told, and learns
// that a process is gone when that refuses a connection.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/trials/child"
)

// settle is how long a process goes on after the balancer has taken it out of
// its rotation, so that it has accepted all connections that were made.
const settle = 100 * time.Millisecond

func main() {
	if child.Name() != "" {
		serve()
		return
	}
	t := trial{log: log.New(os.Stdout, "", 0)}
	flag.Int64Var(&t.requests, "requests", 50_000, "how many requests there are to be at least")
	flag.IntVar(&t.restarts, "restarts", 5, "how often each process is restarted at least")
	flag.IntVar(&t.clients, "clients", 24, "how many clients there are")
	flag.DurationVar(&t.pause, "pause", 500*time.Millisecond, "the longest time between two requests of a client")
	flag.BoolVar(&t.drain, "drain", true, "take a process out of the rotation before it ends")
	flag.Parse()
	if err := t.run(); err != nil {
		log.Fatal(err)
	}
}

type message struct {
	Text string `json:"text"`
}

// serve is the child.
func serve() {
	app := velithon.New(velithon.Options{})
	app.Post("/echo", func(_ context.Context, in message) (message, error) { return in, nil })
	if err := app.Run("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
}

type trial struct {
	log      *log.Logger
	requests int64
	restarts int
	clients  int
	pause    time.Duration
	drain    bool
}

// run does the trial and logs what it found.
func (t *trial) run() error {
	b, err := newBalancer()
	if err != nil {
		return err
	}
	var serving sync.WaitGroup
	serving.Go(b.serve)
	defer serving.Wait()
	defer b.listener.Close()

	var processes [2]*child.Process
	defer func() {
		for _, process := range processes {
			if process != nil {
				process.Kill()
			}
		}
	}()
	for i := range processes {
		if processes[i], err = child.Start("echo"); err != nil {
			return err
		}
		b.add(processes[i].Address)
	}

	var sent atomic.Int64
	stop := make(chan struct{})
	clients := make([]client, t.clients)
	var running sync.WaitGroup
	for i := range clients {
		// Each pauses half as long as the one before, so most are busy.
		clients[i].pause = t.pause >> i
		running.Go(func() { clients[i].run(b.listener.Addr().String(), &sent, stop) })
	}
	begun := time.Now()
	longest, restarts := time.Duration(0), 0
	for ; err == nil && (restarts < 2*t.restarts || sent.Load() < t.requests); restarts++ {
		var took time.Duration
		took, err = t.restart(b, &processes[restarts%2])
		longest = max(longest, took)
	}
	close(stop)
	running.Wait()

	failed := 0
	for _, c := range clients {
		for _, failure := range c.failures {
			t.log.Print(failure)
		}
		failed += len(c.failures)
	}
	t.log.Printf("%d requests of %d clients in %v, %d restarts of each of two processes: %d failed; longest shutdown %v",
		sent.Load(), t.clients, time.Since(begun).Round(time.Second), restarts/2, failed, longest.Round(time.Millisecond))
	if failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests failed", failed))
	}
	return err
}

// restart ends a process and puts another one in its place. It returns how long
// the end took.
func (t *trial) restart(b *balancer, process **child.Process) (time.Duration, error) {
	old := *process
	if t.drain {
		b.remove(old.Address)
	}
	time.Sleep(settle)
	begun := time.Now()
	if err := old.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	if err := old.Wait(); err != nil {
		return 0, fmt.Errorf("a process ended: %w\n%s", err, old.Log())
	}
	took := time.Since(begun)
	b.remove(old.Address)
	renewed, err := child.Start("echo")
	if err != nil {
		return took, err
	}
	*process = renewed
	b.add(renewed.Address)
	return took, nil
}
