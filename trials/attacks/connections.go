package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// The attacks of this file hold connections: by sending slowly, by not reading,
// or by doing nothing.

var slowHeaders = attack{
	name:   "slow-headers",
	does:   "2,000 connections send a header byte by byte, half of them after a first request that was in order",
	holds:  "`ReadTimeout` counts from the first byte: 408, and the connection is closed",
	bounds: bounds{memory: 128 << 20, goroutines: 2_500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		return t.hold(t.size.of(2_000), func(i int, c *client) error {
			if i%2 == 0 {
				if err := c.want(200, get("/ping")); err != nil {
					return err
				}
			}
			if _, err := c.Write([]byte("GET /ping HTTP/1.1\r\nHost: shop\r\nX-Slow: ")); err != nil {
				return err
			}
			return t.drip(c, "x")
		})
	},
}

var slowBodies = attack{
	name:   "slow-bodies",
	does:   "three times one after the other, 300 connections announce a body of the limit's 4 MiB, as a length, as one chunk or as chunks of a byte, and send it byte by byte",
	holds:  "a body takes memory as it arrives, not as it is announced; `ReadTimeout` counts until the whole body is there; then 408, and the connection is closed",
	bounds: bounds{memory: 768 << 20, goroutines: 500, p99: time.Second}, // 2 MiB each where all pages are huge
	run: func(t *trial) error {
		t.begin()
		kinds := []struct{ begin, piece string }{
			{head("POST", "/orders", "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", bodyLimit)), " "},
			{head("POST", "/orders", "Content-Type: application/json", "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n", bodyLimit), " "},
			{head("POST", "/orders", "Content-Type: application/json", "Transfer-Encoding: chunked"), "1\r\n \r\n"},
		}
		waves := 3 // the later ones find memory that the collector has freed
		if t.size == small {
			waves = 1
		}
		for range waves {
			err := t.hold(t.size.of(300), func(i int, c *client) error {
				kind := kinds[i%len(kinds)]
				if _, err := c.Write([]byte(kind.begin)); err != nil {
					return err
				}
				return t.drip(c, kind.piece)
			})
			if err != nil {
				return err
			}
		}
		return nil
	},
}

// drip sends pieces until the service answers 408, which it must do within some
// timeouts, but not long before the first is over. The 408 arrives although the
// piece that came too late resets the connection.
func (t *trial) drip(c *client, piece string) error {
	begun := time.Now()
	for time.Since(begun) < 5*t.size.timeout() {
		_, writeErr := c.Write([]byte(piece))
		_ = c.SetReadDeadline(time.Now().Add(t.size.timeout() / 10))
		_, readErr := c.reader.Peek(1)
		switch {
		case readErr == nil:
			_ = c.SetReadDeadline(time.Now().Add(patience))
			status, _, err := c.answer()
			if err != nil {
				return fmt.Errorf("a client that sends slowly got a broken answer: %w", err)
			}
			if status != 408 {
				return fmt.Errorf("a client that sends slowly was answered with %d, want 408", status)
			}
			t.status(408)
			return t.notEarly(time.Since(begun))
		case writeErr != nil || !isTimeout(readErr):
			return fmt.Errorf("a client that sends slowly got no answer, want 408: %w", errors.Join(writeErr, readErr))
		}
	}
	return fmt.Errorf("a client that sends slowly still has its connection after %v", time.Since(begun))
}

// notEarly says when a client was cut off that still had much of its time. What
// is allowed for is a machine that is busy when the time is taken.
func (t *trial) notEarly(after time.Duration) error {
	if after < t.size.timeout()/2 {
		return fmt.Errorf("a client was cut off after %v, want no sooner than after %v", after, t.size.timeout())
	}
	return nil
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

var slowReaders = attack{
	name:   "slow-readers",
	does:   "100 connections ask for 16 MiB and read nothing, or a kilobyte now and then",
	holds:  "`WriteTimeout` is for the whole response; then the connection is closed",
	bounds: bounds{memory: 64 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		return t.readSlowly(t.size.of(100), get("/download"), true)
	},
}

var slowStreams = attack{
	name:   "slow-streams",
	does:   "100 connections ask for an endless stream and read nothing; then 100 for one of events",
	holds:  "each chunk has a `WriteTimeout`; then the connection is closed, and the function that writes gets an error",
	bounds: bounds{memory: 64 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		if err := t.readSlowly(t.size.of(100), get("/stream"), false); err != nil {
			return err
		}
		return t.readSlowly(t.size.of(100), get("/events"), false)
	},
}

// readSlowly asks for a response on n connections and does not read it, but for
// a kilobyte now and then on some of them.
func (t *trial) readSlowly(n int, request []byte, trickle bool) error {
	return t.untilCutOff(n, func(i int, c *client) error {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if _, err := c.reader.Peek(1); err != nil { // from here on it is served
			return err
		}
		if trickle && i%2 == 0 {
			for range 15 {
				time.Sleep(t.size.timeout() / 10)
				// An error is the service's good right, from its timeout on.
				_, _ = io.CopyN(io.Discard, c, 1<<10)
			}
		}
		return nil
	})
}

// untilCutOff opens n connections, uses them, and keeps them open until the
// service has closed them from its side. That they still have something to read
// from the kernel then does not count.
func (t *trial) untilCutOff(n int, use func(i int, c *client) error) error {
	clients, err := t.connect(n)
	if err != nil {
		return err
	}
	defer closeAll(clients)
	used := time.Now()
	err = each(n, func(i int) error {
		_ = clients[i].SetReadBuffer(4 << 10)
		return use(i, clients[i])
	})
	if err != nil {
		return err
	}
	for begun := time.Now(); ; time.Sleep(t.size.timeout() / 100) {
		held, err := t.service.Clients()
		if err != nil {
			return err
		}
		left := 0
		for _, c := range clients {
			if held[c.LocalAddr().(*net.TCPAddr).Port] {
				left++
			}
		}
		if left == 0 {
			return t.notEarly(time.Since(used))
		}
		if time.Since(begun) > 5*t.size.timeout() {
			return fmt.Errorf("clients that do not read still have %d connections of %d after %v", left, n, time.Since(begun))
		}
	}
}

var pipelines = attack{
	name:   "pipelines",
	does:   "50 connections send small requests without reading any answer",
	holds:  "the service answers in turn, and stops reading when an answer is not taken; after `WriteTimeout` the connection is closed",
	bounds: bounds{memory: 128 << 20, goroutines: 500, p99: 2 * time.Second},
	run: func(t *trial) error {
		t.begin()
		var requests []byte
		for range 100 {
			requests = append(requests, get("/ping")...)
		}
		return t.untilCutOff(t.size.of(50), func(_ int, c *client) error {
			_ = c.SetWriteDeadline(time.Now().Add(patience))
			for {
				if _, err := c.Write(requests); isTimeout(err) {
					return fmt.Errorf("a client that does not read still has its connection after %v", patience)
				} else if err != nil {
					return nil // it was cut off
				}
			}
		})
	},
}

var idleFlood = attack{
	name:   "idle-flood",
	does:   "5,000 connections send nothing, half of them after a first request",
	holds:  "`ReadTimeout` for the first byte on a connection, `IdleTimeout` for that of a further request; then it is closed",
	bounds: bounds{memory: 256 << 20, goroutines: 5_500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		return t.hold(t.size.of(5_000), func(i int, c *client) error {
			if i%2 == 0 {
				if err := c.want(200, get("/ping")); err != nil {
					return err
				}
			}
			begun := time.Now()
			_ = c.SetReadDeadline(begun.Add(5 * t.size.timeout()))
			told, err := io.ReadAll(c.reader)
			if isTimeout(err) {
				return fmt.Errorf("an idle connection was not closed within %v", 5*t.size.timeout())
			}
			// A connection without any request is told why, the other is not.
			if err != nil || bytes.HasPrefix(told, []byte("HTTP/1.1 408 ")) != (i%2 == 1) || i%2 == 0 && len(told) > 0 {
				return fmt.Errorf("idle connection %d was told %q (%w)", i, told, err)
			}
			return t.notEarly(time.Since(begun))
		})
	},
}

var openConnections = attack{
	name:   "connections",
	does:   "10,000 connections are open at once, and each sends a request every second",
	holds:  "nothing, they are served; `MaxConnections` bounds them, and more get a 503",
	bounds: bounds{memory: 384 << 20, goroutines: 10_500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		const rounds = 4
		n := t.size.of(10_000)
		clients := make([]*client, n)
		defer closeAll(clients)
		const atOnce = 32
		for range rounds {
			begun := time.Now()
			err := each(atOnce, func(i int) (err error) {
				for ; i < n && err == nil; i += atOnce {
					if clients[i] == nil {
						clients[i], err = dial(t.service.Address)
					}
					if err == nil {
						err = clients[i].want(200, get("/ping"))
					}
				}
				return err
			})
			if err != nil {
				return err
			}
			if t.size == full {
				time.Sleep(time.Second - time.Since(begun))
			}
		}
		files, err := t.service.OpenFiles()
		if err != nil {
			return err
		}
		if files < n {
			return fmt.Errorf("the service has %d open files, want one for each of the %d connections", files, n)
		}
		return nil
	},
}

var refusedClients = attack{
	name:   "refused-clients",
	does:   "1,000 connections send what is refused, and stay: half of them send a byte now and then, 8 as fast as they can, and the others nothing",
	holds:  "the service reads on for 5 s, for 1 s without a byte, or 64 MiB; then the connection is closed",
	bounds: bounds{memory: 128 << 20, goroutines: 1500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		return t.untilCutOff(t.size.of(1000), func(i int, c *client) error {
			if _, err := c.Write([]byte("nonsense\r\n\r\n")); err != nil {
				return err
			}
			status, _, err := c.answer()
			if err == nil && status != 400 {
				err = fmt.Errorf("nonsense was answered with %d, want 400", status)
			}
			if err != nil {
				return err
			}
			t.status(status)
			piece, pause := []byte("x"), t.size.timeout()/50
			switch {
			case i%125 == 0:
				piece, pause = make([]byte, 1<<20), 0
			case i%2 == 0:
				return nil
			}
			_ = c.SetWriteDeadline(time.Now().Add(patience))
			for {
				if _, err := c.Write(piece); err != nil {
					if isTimeout(err) {
						return fmt.Errorf("a refused client still has its connection after %v", patience)
					}
					return nil // the service has closed the connection
				}
				time.Sleep(pause)
			}
		})
	},
}
