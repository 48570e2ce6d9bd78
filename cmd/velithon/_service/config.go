package main

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// config is what the service can be told from outside.
type config struct {
	addr            string
	logLevel        slog.Level
	shutdownTimeout time.Duration
	health          bool // ask the service that runs already
}

// readConfig reads flags, whose defaults come from the environment. It ends the process on
// a flag that does not exist.
func readConfig(args []string, env func(string) string) (c config, err error) {
	flags := flag.NewFlagSet("service", flag.ExitOnError)
	flags.StringVar(&c.addr, "addr", cmp.Or(env("ADDR"), ":8080"), "`address` to listen on (ADDR)")
	level := flags.String("log-level", cmp.Or(env("LOG_LEVEL"), "info"), "debug, info, warn or error (LOG_LEVEL)")
	timeout := flags.String("shutdown-timeout", cmp.Or(env("SHUTDOWN_TIMEOUT"), "30s"), "`limit` of the shutdown, tasks included (SHUTDOWN_TIMEOUT)")
	flags.BoolVar(&c.health, "health", false, "ask the service at the address whether it lives, and exit with 0 if it does")
	_ = flags.Parse(args) // exits instead

	if flags.NArg() > 0 {
		return c, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		return c, fmt.Errorf("-addr (ADDR) is %q: want :port or host:port", c.addr)
	}
	if err := c.logLevel.UnmarshalText([]byte(*level)); err != nil {
		return c, fmt.Errorf("-log-level (LOG_LEVEL) is %q: want debug, info, warn or error", *level)
	}
	c.shutdownTimeout, err = time.ParseDuration(*timeout)
	if err != nil || c.shutdownTimeout <= 0 {
		return c, fmt.Errorf("-shutdown-timeout (SHUTDOWN_TIMEOUT) is %q: want a time above 0, such as 30s", *timeout)
	}
	return c, nil
}
