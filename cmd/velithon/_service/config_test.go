package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// env is an environment.
type env map[string]string

func (e env) get(name string) string { return e[name] }

func TestConfig(t *testing.T) {
	c, err := readConfig(nil, env{}.get)
	require.NoError(t, err)
	require.Equal(t, config{addr: ":8080", shutdownTimeout: 30 * time.Second}, c)

	c, err = readConfig([]string{"-addr", "127.0.0.1:9000", "-health"}, env{
		"ADDR": ":1", "LOG_LEVEL": "warn", "SHUTDOWN_TIMEOUT": "5s",
	}.get)
	require.NoError(t, err)
	require.Equal(t, config{"127.0.0.1:9000", slog.LevelWarn, 5 * time.Second, true}, c, "a flag goes before its variable")
}

func TestConfigIsWrong(t *testing.T) {
	for want, given := range map[string]struct {
		args []string
		env  env
	}{
		`"serve" is no flag`:                                                             {args: []string{"serve"}},
		`-addr (ADDR) is "8080": want :port or host:port`:                                {env: env{"ADDR": "8080"}},
		`-log-level (LOG_LEVEL) is "loud": want debug, info, warn or error`:              {args: []string{"-log-level", "loud"}},
		`-shutdown-timeout (SHUTDOWN_TIMEOUT) is "30": want a time above 0, such as 30s`: {env: env{"SHUTDOWN_TIMEOUT": "30"}},
		`-shutdown-timeout (SHUTDOWN_TIMEOUT) is "0s": want a time above 0, such as 30s`: {env: env{"SHUTDOWN_TIMEOUT": "0s"}},
	} {
		_, err := readConfig(given.args, given.env.get)
		require.EqualError(t, err, want)
	}
}
