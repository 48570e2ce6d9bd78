package main

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// env is an environment.
type env map[string]string

func (e env) get(name string) string { return e[name] }

func TestConfig(t *testing.T) {
	c, err := readConfig([]string{"-mail-backoff", "3s", "-from", "shop@example.org"}, env{
		"API_KEYS":  "ada=one,grace=two=2",
		"SMTP_ADDR": "localhost:2525",
		"MAIL_FROM": "overruled@example.org",
	}.get)
	require.NoError(t, err)
	require.Equal(t, smtpServer{"localhost", 2525, "shop@example.org"}, c.smtp)
	require.Equal(t, 3*time.Second, c.mailRetry.Backoff)
	require.Equal(t, apiKeys{sha256.Sum256([]byte("one")): "ada", sha256.Sum256([]byte("two=2")): "grace"}, c.keys)
	require.Equal(t, c.smtp, newMailer(c, nil))
}

func TestMailsAreLoggedWithoutServer(t *testing.T) {
	c, err := readConfig(nil, env{"API_KEYS": "ada=one"}.get)
	require.NoError(t, err)
	require.IsType(t, mailLog{}, newMailer(c, nil))
}

func TestConfigIsWrong(t *testing.T) {
	for _, test := range []struct {
		args []string
		keys string
		want string
	}{
		{nil, "", "API_KEYS is not set: want customer=key, separated by commas"},
		{nil, "ada=one,grace", "API_KEYS, entry 2: want customer=key"},
		{nil, "ada=one,grace=one", "API_KEYS, entry 2: the key is ada's already"},
		{[]string{"-smtp", "localhost"}, "ada=one", `-smtp "localhost": want host:port, e.g. localhost:25`},
		{[]string{"-smtp", ":25"}, "ada=one", `-smtp ":25": want a host and the number of a port, e.g. localhost:25`},
		{[]string{"-smtp", "localhost:smtp"}, "ada=one", `-smtp "localhost:smtp": want a host and the number of a port, e.g. localhost:25`},
		{[]string{"-from", "Shop <a@shop.example>"}, "ada=one", `-from "Shop <a@shop.example>": want an address without a name, e.g. orders@shop.example`},
		{[]string{"-mail-attempts", "0"}, "ada=one", "-mail-attempts is 0: want at least 1"},
		{[]string{"-mail-backoff", "-1s"}, "ada=one", "-mail-backoff is -1s: want more than 0"},
		{[]string{"-request-timeout", "0"}, "ada=one", "-request-timeout is 0s: want more than 0"},
	} {
		_, err := readConfig(test.args, env{"API_KEYS": test.keys}.get)
		require.EqualError(t, err, test.want)
	}
}
