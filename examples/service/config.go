package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background"
)

// config is what the service can be told from outside.
type config struct {
	addr            string
	keys            apiKeys
	smtp            smtpServer
	mailRetry       background.Retry
	mailTimeout     time.Duration // of one attempt
	requestTimeout  time.Duration
	shutdownTimeout time.Duration
}

// apiKeys says whose an API key is. It knows the keys by their hash, so that
// the time of a look-up tells nothing about them.
type apiKeys map[[sha256.Size]byte]string

// readConfig reads flags, whose defaults come from the environment. The keys
// come from the environment only: flags can be seen by everyone on the host.
// It ends the process on a flag that does not exist.
func readConfig(args []string, env func(string) string) (c config, err error) {
	flags := flag.NewFlagSet("service", flag.ExitOnError)
	flags.StringVar(&c.addr, "addr", ":8080", "`address` to listen on")
	smtpAddr := flags.String("smtp", env("SMTP_ADDR"), "`host:port` of the mail server; mails are logged without one (SMTP_ADDR)")
	flags.StringVar(&c.smtp.from, "from", cmp.Or(env("MAIL_FROM"), "orders@shop.example"), "`sender` of the mails (MAIL_FROM)")
	flags.IntVar(&c.mailRetry.Attempts, "mail-attempts", 8, "how often a mail is tried in all")
	flags.DurationVar(&c.mailRetry.Backoff, "mail-backoff", time.Second, "wait after the first attempt; it doubles")
	flags.DurationVar(&c.mailTimeout, "mail-timeout", 10*time.Second, "limit of one attempt")
	flags.DurationVar(&c.requestTimeout, "request-timeout", 5*time.Second, "limit of a request")
	flags.DurationVar(&c.shutdownTimeout, "shutdown-timeout", 30*time.Second, "limit of the shutdown, mails included")
	_ = flags.Parse(args) // exits instead

	for name, d := range map[string]time.Duration{
		"mail-backoff":     c.mailRetry.Backoff,
		"mail-timeout":     c.mailTimeout,
		"request-timeout":  c.requestTimeout,
		"shutdown-timeout": c.shutdownTimeout,
	} {
		if d <= 0 {
			return c, fmt.Errorf("-%s is %s: want more than 0", name, d)
		}
	}
	if c.mailRetry.Attempts < 1 {
		return c, fmt.Errorf("-mail-attempts is %d: want at least 1", c.mailRetry.Attempts)
	}
	if from, err := mail.ParseAddress(c.smtp.from); err != nil || from.Address != c.smtp.from {
		return c, fmt.Errorf("-from %q: want an address without a name, e.g. orders@shop.example", c.smtp.from)
	}
	if *smtpAddr != "" {
		if c.smtp.host, c.smtp.port, err = splitAddr(*smtpAddr); err != nil {
			return c, err
		}
	}
	c.keys, err = parseKeys(env("API_KEYS"))
	return c, err
}

func splitAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("-smtp %q: want host:port, e.g. localhost:25", addr)
	}
	if port, err = strconv.Atoi(text); err != nil || host == "" {
		return "", 0, fmt.Errorf("-smtp %q: want a host and the number of a port, e.g. localhost:25", addr)
	}
	return host, port, nil
}

// parseKeys reads "ada=secret,grace=other". Its errors do not repeat the keys.
func parseKeys(text string) (apiKeys, error) {
	if text == "" {
		return nil, errors.New("API_KEYS is not set: want customer=key, separated by commas")
	}
	keys := make(apiKeys)
	for i, entry := range strings.Split(text, ",") {
		customer, key, ok := strings.Cut(entry, "=")
		if !ok || customer == "" || key == "" {
			return nil, fmt.Errorf("API_KEYS, entry %d: want customer=key", i+1)
		}
		hash := sha256.Sum256([]byte(key))
		if _, taken := keys[hash]; taken {
			return nil, fmt.Errorf("API_KEYS, entry %d: the key is %s's already", i+1, keys[hash])
		}
		keys[hash] = customer
	}
	return keys, nil
}
