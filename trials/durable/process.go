package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/trials/child"
)

// The roles of processes.
const (
	web    = "web" // stores only
	both   = "both"
	worker = "worker"
)

// What a process is told by its environment.
const (
	placeEnv   = "VELITHON_TRIAL_PLACE"
	processEnv = "VELITHON_TRIAL_PROCESS"
	newEnv     = "VELITHON_TRIAL_NEW" // "yes" for one that knows the added kind
)

// serve is the child. It returns its exit code.
func serve(role string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})))
	place, options := os.Getenv(placeEnv), durable.Options{StoreOnly: role == web, Workers: workers, ShutdownTimeout: shutdownTimeout}
	var err error
	if onSQLite(place) {
		err = runOn(ctx, role, place, options, openSQLite)
	} else {
		err = runOn(ctx, role, place, options, openPostgres)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ended with", err)
		return 1
	}
	return 0
}

// runOn opens the shop and runs it.
func runOn[Tx any](ctx context.Context, role, place string, o durable.Options, open opens[Tx]) error {
	s := &shop[Tx]{process: os.Getenv(processEnv), isNew: os.Getenv(newEnv) == "yes"}
	if _, err := open(ctx, place, o, s.define); err != nil {
		return err
	}
	return s.run(ctx, role)
}

// A fate is how a process has ended.
type fate int

const (
	lives fate = iota
	killed
	terminated // it was sent SIGTERM, and has ended by itself
)

// A process is one that was started.
type process struct {
	*child.Process

	name  string
	isNew bool
	begun time.Time
	ended chan struct{} // closed when it has ended
	err   error         // readable then, as is at
	at    time.Time     // when it ended, which may be noticed later
}

// startProcess starts a process of the shop.
func startProcess(role, place, name string, isNew bool) (*process, error) {
	version := "no"
	if isNew {
		version = "yes"
	}
	begun := time.Now()
	c, err := child.Start(role, placeEnv+"="+place, processEnv+"="+name, newEnv+"="+version)
	if err != nil {
		return nil, err
	}
	p := &process{Process: c, name: name, isNew: isNew, begun: begun, ended: make(chan struct{})}
	go func() {
		p.err, p.at = c.Wait(), time.Now()
		close(p.ended)
	}()
	return p, nil
}

// lastWords returns the end of its log.
func (p *process) lastWords() string {
	log := p.Log()
	return log[max(len(log)-2000, 0):]
}

// hasEnded reports whether it has.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
