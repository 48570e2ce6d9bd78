package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The attacks of this file are many requests.

var headerFloods = attack{
	name:   "headers",
	does:   "16 connections send headers of more than 8 KiB, and of that size made of 1,900 fields, of 1,300 cookies, or of fields of which as many are announced as trailers",
	holds:  "`HeaderLimit`, and 64 trailers: 431, and the connection is closed",
	bounds: bounds{memory: 128 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		t.begin()
		const room = 8 << 10
		fields := func(n int) string { return strings.Repeat("a:\r\n", n) }
		for _, kind := range []struct {
			status, n int
			request   string
		}{
			{431, 2_000, "GET /ping HTTP/1.1\r\nHost: shop\r\nX-Large: " + strings.Repeat("x", room)},
			{431, 2_000, "GET /ping HTTP/1.1\r\nHost: shop\r\n" + fields(room/4)},
			{200, 10_000, "GET /ping HTTP/1.1\r\nHost: shop\r\n" + fields(1_900) + "\r\n"},
			{200, 10_000, head("GET", "/ping", "Cookie: "+strings.Repeat("a=b; ", 1_300))},
			{405, 2_000, withTrailers(64, 1_500)},
			{431, 2_000, withTrailers(900, 900)},
		} {
			if err := t.flood(16, t.size.of(kind.n), kind.status, []byte(kind.request)); err != nil {
				return err
			}
		}
		return nil
	},
}

// withTrailers returns a request that announces trailers, and has fields of the
// same names in its header.
func withTrailers(names, fields int) string {
	var announced, header strings.Builder
	for i := range names {
		fmt.Fprintf(&announced, "%x,", i)
	}
	for i := range fields {
		fmt.Fprintf(&header, "%x:\r\n", i%min(names, 16))
	}
	return "POST /ping HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\nTrailer: " + announced.String() + "\r\n" + header.String() + "\r\n0\r\n\r\n"
}

var workRejected = attack{
	name:    "work-rejected",
	does:    "64 connections ask for work after the response, 100 times as much as the runner can do, which rejects what has no room",
	holds:   "`Runner.Queue` and `Overflow: Reject`: 503 with `Retry-After`, before anything was promised",
	service: rejecting,
	bounds:  bounds{memory: 64 << 20, goroutines: 500, p99: time.Second},
	run:     func(t *trial) error { return t.askForWork(t.size.of(60_000)) },
}

var workBlocked = attack{
	name:    "work-blocked",
	does:    "64 connections ask for work after the response, as fast as they are answered, and the runner blocks when there is no room",
	holds:   "`Overflow: Block`: a connection whose work has no room is not read from until there is",
	service: blocking,
	bounds:  bounds{memory: 64 << 20, goroutines: 500, p99: time.Second},
	run:     func(t *trial) error { return t.askForWork(t.size.of(5_000)) },
}

// askForWork sends requests whose responses carry work, and wants what was
// promised to have been done.
func (t *trial) askForWork(n int) error {
	t.begin()
	const connections = 64
	request := post("/work", typeJSON, "")
	err := each(connections, func(i int) error {
		c, err := dial(t.service.Address)
		if err != nil {
			return err
		}
		defer c.Close()
		for ; i < n; i += connections {
			status, body, err := c.do(request)
			switch {
			case err != nil:
				return err
			case status != 200 && status != 503:
				return fmt.Errorf("work was answered with %d: %s", status, body)
			}
			t.status(status)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c, err := dial(t.service.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	// The runner gets a task once its response is on the wire, and with Block once
	// there is room, so that the last ones may not be pending yet.
	var s state
	promised := uint64(t.statuses[200])
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(taskTime) {
		_, body, err := c.do(get("/state"))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, &s); err != nil {
			return err
		}
		if s.Pending == 0 && s.Succeeded >= promised {
			break
		}
	}
	if s.Pending > 0 || s.Succeeded != promised {
		return fmt.Errorf("%d responses carried a task, %d were done and %d are left", promised, s.Succeeded, s.Pending)
	}
	return nil
}
