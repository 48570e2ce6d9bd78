package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// The attacks of this file are requests that are costly to read.

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

var bodyLimits = attack{
	name:   "body-limits",
	does:   "8 connections at a time send bodies of exactly 4 MiB, and of a byte more, with a length and in chunks, and announce bodies of 1 TiB",
	holds:  "`BodyLimit`: by its length a body is refused before any of it is read, in chunks before the one that goes beyond",
	bounds: bounds{memory: 512 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		order := `{"email":"ada@example.com","items":[{"sku":"book","quantity":2}]}`
		atLimit := order + strings.Repeat(" ", bodyLimit-len(order))
		inChunks := chunked("/orders", typeJSON, atLimit)
		overInChunks := append(bytes.TrimSuffix(bytes.Clone(inChunks), []byte("0\r\n\r\n")), "1\r\n"...)
		kinds := []struct {
			status  int
			request []byte
		}{
			{200, post("/orders", typeJSON, atLimit)},
			{200, inChunks},
			{413, []byte(head("POST", "/orders", "Content-Type: "+typeJSON, "Content-Length: "+strconv.Itoa(bodyLimit+1)))},
			{413, []byte(head("POST", "/orders", "Content-Type: "+typeJSON, "Content-Length: 1099511627776"))},
			{413, overInChunks},
			{413, []byte(head("POST", "/orders", "Content-Type: "+typeJSON, "Transfer-Encoding: chunked") + "10000000000\r\n")},
		}
		t.begin()
		for _, kind := range kinds {
			if err := t.flood(8, t.size.of(200), kind.status, kind.request); err != nil {
				return err
			}
		}
		return nil
	},
}

var deepJSON = attack{
	name:    "deep-json",
	service: leisurely,
	does:    "8 connections send JSON of 100,000 levels, to types that know it and to types that do not, whole and cut off",
	holds:   "more than 10,000 levels are a 400, at the cost of their length",
	bounds:  bounds{memory: 256 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		const depth = 100_000
		lists := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		objects := strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
		trees := strings.Repeat(`{"children":[`, depth) + strings.Repeat("]}", depth)
		requests := [][]byte{
			post("/documents", typeJSON, objects),
			post("/documents", typeJSON, `{"a":`+lists+`}`),
			post("/documents", typeJSON, strings.Repeat(`{"a":`, depth)),
			post("/orders", typeJSON, `{"unknown":`+objects+`}`),
			post("/orders", typeJSON, `{"items":`+lists+`}`),
			post("/orders", typeJSON, `{"items":`+strings.Repeat("[", depth)),
			post("/trees", typeJSON, trees),
			post("/trees", typeJSON, strings.Repeat(`{"children":[`, depth)),
			post("/stocks", typeJSON, objects),
		}
		t.begin()
		for _, request := range requests {
			if err := t.flood(8, t.size.of(100), 400, request); err != nil {
				return err
			}
		}
		return nil
	},
}

var manyItems = attack{
	name:    "many-items",
	service: leisurely,
	does:    "a list of 1,000,000 items: 22 MB, refused under the default limit, and taken by a route with one of 32 MiB; and 1,398,000 items of two bytes that fit into 4 MiB, each without what is required",
	holds:   "`BodyLimit`, since what is decoded is a multiple of it, and that at most 100 faults are kept",
	bounds:  bounds{memory: 1024 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		const begin, end = `{"email":"ada@example.com","items":[`, `]}`
		list := func(item string, n int) string {
			return begin + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + end
		}
		million := list(`{"sku":"a","quantity":1}`, 1_000_000)
		announced := []byte(head("POST", "/orders", "Content-Type: "+typeJSON, "Content-Length: "+strconv.Itoa(len(million))))
		batch := post("/batches", typeJSON, million)
		shortest := post("/orders", typeJSON, list(`{}`, (bodyLimit-len(begin)-len(end))/len(`{},`)))
		t.begin()
		if err := t.flood(2, t.size.of(20), 413, announced); err != nil {
			return err
		}
		if err := t.flood(2, t.size.of(20), 200, batch); err != nil {
			return err
		}
		return t.flood(4, t.size.of(40), 422, shortest)
	},
}

var manyFields = attack{
	name:    "many-fields",
	service: leisurely,
	does: "4 connections send forms of 1,000,000 fields, plain and escaped, known and unknown ones, and 16 more do it once and stay; " +
		"multipart forms of 1,000 parts, and of 1,001",
	holds:  "`BodyLimit`; fields that the type does not have are passed over without being kept, and more than the 1,000 parts of Go's `mime/multipart` are a 400",
	bounds: bounds{memory: 384 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		const million = 1_000_000
		plain := post("/forms", typeForm, "name=ada&"+strings.Repeat("a=&", million))
		others := [][]byte{
			post("/forms", typeForm, "name=ada&"+strings.Repeat("+=&", million)),
			post("/forms", typeForm, "name=ada&"+strings.Repeat("&", million)),
			post("/forms", typeForm, "name=ada&"+strings.Repeat("%&", million)),
		}
		invalid := post("/forms", typeForm, strings.Repeat("name&", million*3/4))
		t.begin()
		for _, request := range append(others, plain) {
			if err := t.flood(4, t.size.of(20), 200, request); err != nil {
				return err
			}
		}
		if err := t.flood(4, t.size.of(20), 422, invalid); err != nil {
			return err
		}
		// What a connection keeps is added up.
		clients, err := t.connect(t.size.of(16))
		if err != nil {
			return err
		}
		defer closeAll(clients)
		if err := each(len(clients), func(i int) error { return clients[i].want(200, plain) }); err != nil {
			return err
		}
		if err := t.flood(4, t.size.of(200), 200, multipartForm(1_000)); err != nil {
			return err
		}
		return t.flood(4, t.size.of(200), 400, multipartForm(1_001))
	},
}

// multipartForm returns a form whose first field is the name.
func multipartForm(parts int) []byte {
	var b strings.Builder
	for i := range parts {
		name := "x"
		if i == 0 {
			name = "name"
		}
		b.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n\r\n")
	}
	b.WriteString("--b--\r\n")
	return post("/forms", "multipart/form-data; boundary=b", b.String())
}

var collidingKeys = attack{
	name:    "colliding-keys",
	service: leisurely,
	does:    "objects of 65,536 keys for a map, which have the same hash in languages whose hash is ×31 or ×33, next to keys of the same length that have not, and a quarter of them",
	holds:   "Go's maps hash with a seed of their own, and a query has to fit into `HeaderLimit`",
	bounds:  bounds{memory: 192 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		n := t.size.of(1 << 16)
		reps := t.size.of(60)
		random := distinctKeys(n)
		t.begin()
		timeOf := func(keys []string) (time.Duration, error) {
			begun, err := t.processorTime()
			if err != nil {
				return 0, err
			}
			if err := t.flood(1, reps, 200, post("/stocks", typeJSON, objectOf(keys))); err != nil {
				return 0, err
			}
			ended, err := t.processorTime()
			return max(ended-begun, processorTick), err
		}
		randomTime, err := timeOf(random)
		if err != nil {
			return err
		}
		for _, kind := range []struct{ name, a, b string }{{"×31", "Aa", "BB"}, {"×33", "Ez", "FY"}} {
			took, err := timeOf(keysWithOneHash(n, kind.a, kind.b))
			if err != nil {
				return err
			}
			times := took.Seconds() / randomTime.Seconds()
			t.wantf(times < 3, "keys that collide under %s took %.1f times as long as others", kind.name, times)
		}
		quarter, err := timeOf(random[:n/4])
		if err != nil {
			return err
		}
		times := randomTime.Seconds() / quarter.Seconds()
		t.wantf(times < 12, "4 times as many keys took %.1f times as long", times)
		return t.flood(4, t.size.of(2_000), 200, get("/search?q=1&"+strings.Repeat("a&", 2_000)+strings.Repeat("tag=&", 500)))
	},
}

// keysWithOneHash returns keys made of two pieces that count the same in a hash
// which multiplies and adds.
func keysWithOneHash(n int, a, b string) []string {
	keys := make([]string, n)
	for i := range keys {
		var key strings.Builder
		for bit := range bits.Len(uint(n - 1)) {
			if i>>bit&1 == 0 {
				key.WriteString(a)
			} else {
				key.WriteString(b)
			}
		}
		keys[i] = key.String()
	}
	return keys
}

func distinctKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%0*d", 2*bits.Len(uint(n-1)), i)
	}
	return keys
}

func objectOf(keys []string) string {
	return `{"` + strings.Join(keys, `":1,"`) + `":1}`
}

var compressed = attack{
	name:    "compressed",
	service: leisurely,
	does:    "32 connections send 64 kB of gzip that would be 64 MiB, as JSON, as a form and as an upload",
	holds:   "nothing is decompressed: a body with a `Content-Encoding` other than `identity` is a 415, one without it is read as it is",
	bounds:  bounds{memory: 128 << 20, goroutines: 500, p99: time.Second},
	run: func(t *trial) error {
		var bomb bytes.Buffer
		w := gzip.NewWriter(&bomb)
		if _, err := w.Write(bytes.Repeat([]byte(" "), 64<<20)); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		const gzipped = "Content-Encoding: gzip"
		body := bomb.String()
		file := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" + body + "\r\n--b--\r\n"
		kinds := []struct {
			status  int
			request []byte
		}{
			{415, post("/orders", typeJSON, body, gzipped)},
			{415, post("/stocks", typeJSON, body, gzipped)},
			{415, post("/forms", typeForm, body, gzipped)},
			{415, post("/uploads", "multipart/form-data; boundary=b", file, gzipped)},
			{400, post("/orders", typeJSON, body)},
			{422, post("/forms", typeForm, body)},
		}
		t.begin()
		for _, kind := range kinds {
			if err := t.flood(32, t.size.of(2_000), kind.status, kind.request); err != nil {
				return err
			}
		}
		return nil
	},
}
