// Service keeps notes, and is small enough to be changed into yours: README.md says how to
// run it and what each file is for.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

func main() {
	c, err := readConfig(os.Args[1:], os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(2)
	}
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// run serves until the process gets SIGINT or SIGTERM, and the requests and tasks that have
// begun are done.
func run(c config) error {
	if c.health {
		return askHealth(c.addr)
	}
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: c.logLevel}))
	announce := func(ctx context.Context, n note) error {
		logger.InfoContext(ctx, "here a mail could be sent", "note", n.ID)
		return nil
	}
	return newApp(c, logger, newNotes(announce)).Run(c.addr)
}
