package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// The messages that requests leave in the log.
const (
	logFailed       = "request failed"
	logPanic        = "panic in a handler"
	logNoRoom       = "no room for the background work of a response, which is answered 503"
	logNotRun       = "the handler returned an error, so the background work of its response is not run"
	logNotWritten   = "the response can't be written, so its background work is not run"
	logStillRunning = "the handler is still running after its timeout; the client was answered in its place"
	logLate         = "the handler returned after its timeout"
	logLateWithWork = "the handler returned after its timeout; the background work of its response is not run"
	logStreamEnded  = "a stream ended early"
	logTaskFailed   = "background task failed"
	logTaskSkipped  = "background: task skipped after a failure"
	logMissed       = "periodic task was not started"
	logListening    = "listening"
	logShuttingDown = "shutting down"
	logShutDown     = "shut down"
	jsonType        = "Content-Type: application/json"
	formType        = "Content-Type: application/x-www-form-urlencoded"
	multipartType   = "Content-Type: multipart/form-data; boundary=" + boundary
	boundary        = "soak"
	pageName        = "page.html"
	pageModified    = "Mon, 02 Nov 2026 10:00:00 GMT"
	largeUpload     = 17 << 20 // more than fasthttp keeps in memory
)

// requests are what clients send on a connection that stays open, with their
// weights: good ones, and bad ones that are HTTP at least.
var requests = weighted[func(*visitor) request]{
	{20, (*visitor).order},
	{8, (*visitor).login},
	{5, (*visitor).smallUpload},
	{5, (*visitor).page},
	{3, (*visitor).export},
	{1, (*visitor).events},
	{20, (*visitor).work},
	{4, (*visitor).limitedWork},
	{1, (*visitor).lateWork},
	{3, (*visitor).stats},
	{1, (*visitor).tasks},
	{1, (*visitor).pause},
	{2, (*visitor).late},
	{4, (*visitor).invalidOrder},
	{2, (*visitor).uploadWithoutSum},
	{8, (*visitor).plainFault},
}

// weighted is a table to pick from.
type weighted[T any] []struct {
	weight int
	value  T
}

func (w weighted[T]) pick() T {
	sum := 0
	for _, e := range w {
		sum += e.weight
	}
	at := rand.IntN(sum)
	for _, e := range w {
		if at -= e.weight; at < 0 {
			return e.value
		}
	}
	panic("unreachable")
}

// text returns up to n letters.
func text(n int) string {
	letters := make([]byte, 1+rand.IntN(n))
	for i := range letters {
		letters[i] = byte('a' + rand.IntN(26))
	}
	return string(letters)
}

// order sends values in every place, and wants them back.
func (*visitor) order() request {
	in := order{
		Shop: text(20), Limit: 1 + rand.IntN(100), Tags: []string{text(10), text(10)},
		Trace: text(30), Theme: text(10), Items: make([]item, 1+rand.IntN(20)),
	}
	for i := range in.Items {
		in.Items[i] = item{SKU: text(8), Quantity: 1 + rand.IntN(9), Note: "\u2014 " + text(500)}
	}
	query := url.Values{"limit": {strconv.Itoa(in.Limit)}, "tag": in.Tags}
	body := encode(in.Items)
	return request{
		head: head("POST", "/shops/"+in.Shop+"/orders?"+query.Encode(), body, jsonType, "X-Trace: "+in.Trace, "Cookie: theme="+in.Theme),
		body: body,
		check: func(a answer) error {
			var out order
			if err := json.Unmarshal(a.body, &out); err != nil || a.status != 201 || !reflect.DeepEqual(out, in) {
				return fmt.Errorf("of %+v is answered %d %s", in, a.status, a.body)
			}
			return nil
		},
	}
}

// encode makes JSON of what can be made JSON of.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}

func (*visitor) login() request {
	name := text(20)
	body := []byte(url.Values{"name": {name}, "password": {"correct horse"}}.Encode())
	return request{head: head("POST", "/login", body, formType), body: body, check: func(a answer) error {
		if location := a.header.Get("Location"); location != "/pages/"+name {
			return fmt.Errorf("of %s leads to %q", name, location)
		}
		return status(307)(a)
	}}
}

// form is a multipart form with a file.
func form(file []byte, sum string) []byte {
	var b bytes.Buffer
	if sum != "" {
		b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"sum\"\r\n\r\n" + sum + "\r\n")
	}
	b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"picture.png\"\r\n\r\n")
	b.Write(file)
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return b.Bytes()
}

func sumOf(file []byte) string { return strconv.FormatUint(uint64(crc32.ChecksumIEEE(file)), 10) }

func (v *visitor) smallUpload() request {
	file := []byte(text(20_000))
	return v.upload(form(file, sumOf(file)))
}

// upload sends a form whose file is read by two tasks.
func (v *visitor) upload(body []byte) request {
	n := v.ledger.add([]string{succeeded, succeeded})
	return v.carrying(n, 202, promised, request{head: head("POST", "/uploads?n="+strconv.Itoa(n), body, multipartType), body: body})
}

// uploadWithoutSum sends a form that lacks a field.
func (*visitor) uploadWithoutSum() request {
	body := form([]byte(text(2000)), "")
	return request{head: head("POST", "/uploads", body, multipartType), body: body, check: status(422)}
}

// page asks for a file, in one of the ways that there are.
func (v *visitor) page() request {
	return weighted[request]{
		{6, request{head: head("GET", "/pages/"+pageName, nil), check: v.hasPage(200, v.pageText)}},
		{1, request{head: head("HEAD", "/pages/"+pageName, nil), check: v.hasPage(200, "")}},
		{2, request{head: head("GET", "/pages/"+pageName, nil, "Range: bytes=1000-1999"), check: v.hasPage(206, v.pageText[1000:2000])}},
		{1, request{head: head("GET", "/pages/"+pageName, nil, "Range: bytes=9999999-"), check: status(416)}},
		{1, request{head: head("GET", "/pages/"+pageName, nil, "If-Modified-Since: "+pageModified), check: status(304)}},
		{1, request{head: head("GET", "/pages/none.html", nil), check: status(404)}},
	}.pick()
}

func (*visitor) hasPage(want int, body string) func(answer) error {
	return func(a answer) error {
		if a.status == want && string(a.body) != body {
			return fmt.Errorf("has %d bytes that are not those of the page", len(a.body))
		}
		return status(want)(a)
	}
}

func (*visitor) export() request {
	lines := rand.IntN(2000)
	return request{head: head("GET", "/export?lines="+strconv.Itoa(lines), nil), check: func(a answer) error {
		if want := lines * len(exportLine); len(a.body) != want {
			return fmt.Errorf("has %d bytes and not %d", len(a.body), want)
		}
		return status(200)(a)
	}}
}

func (*visitor) events() request {
	events := rand.IntN(20)
	return request{head: head("GET", "/events?events="+strconv.Itoa(events), nil), check: func(a answer) error {
		if n := strings.Count(string(a.body), "event: count\ndata: "); n != events {
			return fmt.Errorf("has %d events and not %d", n, events)
		}
		return status(200)(a)
	}}
}

// A carrier is a way to answer with work.
type carrier struct {
	name   string
	status int
	state  state // of the work
	logs   []string
}

var carriers = weighted[carrier]{
	{8, carrier{name: "json", status: 200, state: promised}},
	{1, carrier{name: "text", status: 200, state: promised}},
	{1, carrier{name: "html", status: 200, state: promised}},
	{1, carrier{name: "bytes", status: 200, state: promised}},
	{1, carrier{name: "file", status: 200, state: promised}},
	{1, carrier{name: "nothing", status: 204, state: promised}},
	{1, carrier{name: "redirect", status: 307, state: promised}},
	{1, carrier{name: "problem", status: 409, state: promised}},
	{1, carrier{name: "stream", status: 200, state: promised}},
	{1, carrier{name: "events", status: 200, state: promised}},
	{1, carrier{name: "error", status: 500, state: dropped, logs: []string{logNotRun, logFailed}}},
	{1, carrier{name: "unencodable", status: 500, state: dropped, logs: []string{logNotWritten, logFailed}}},
}

func (v *visitor) work() request        { return v.workAt("carry") }
func (v *visitor) limitedWork() request { return v.workAt("limited") }

func (v *visitor) workAt(route string) request {
	w, c := works.pick(), carriers.pick()
	n := v.ledger.add(w.ends())
	r := request{head: workHead(route, w, c.name, n), logs: c.logs}
	if len(w.deeds) == 0 {
		r.logs, r.may = nil, c.logs // there is nothing that would not be run
	}
	return v.carrying(n, c.status, c.state, r)
}

func workHead(route string, w work, carrier string, n int) string {
	return head("POST", fmt.Sprintf("/%s/%s/%s?n=%d", route, w.name, carrier, n), []byte{})
}

// lateWork asks a handler that is late, as a rule. Its work runs if it was in
// time after all, on a busy machine.
func (v *visitor) lateWork() request {
	w := works.pick()
	n := v.ledger.add(w.ends())
	r := v.carrying(n, 200, promised, request{head: workHead("late", w, "json", n)})
	inTime := r.check
	r.check = func(a answer) error {
		if !isLate(a) {
			return inTime(a)
		}
		v.ledger.answered(n, dropped)
		message := logLateWithWork
		if len(w.deeds) == 0 {
			message = logLate
		}
		v.figures.logged(logStillRunning, message)
		return nil
	}
	return r
}

// isLate reports whether the answer is that of a timeout, and not of a full
// runner.
func isLate(a answer) bool { return a.status == 503 && a.header.Get("Retry-After") == "" }

// carrying gives a request with work its check: it is answered with a status,
// after which its work is in a state, or refused by a runner that is full.
func (v *visitor) carrying(n, want int, after state, r request) request {
	logs := r.logs
	r.logs = nil
	r.check = func(a answer) error {
		if v.rejects && a.status == 503 && !isLate(a) {
			v.ledger.answered(n, noRoom)
			v.figures.logged(logNoRoom)
			return nil
		}
		v.ledger.answered(n, after)
		v.figures.logged(logs...)
		return status(want)(a)
	}
	return r
}

// stats asks the runner for its numbers while it works.
func (*visitor) stats() request {
	return request{head: head("GET", "/stats", nil), check: func(a answer) error {
		s, err := statsIn(a)
		return errors.Join(err, balanced(s))
	}}
}

// tasks asks for all tasks while they come and go.
func (*visitor) tasks() request { return request{head: head("GET", "/tasks", nil), check: status(200)} }

// pause has the runner start nothing for a moment.
func (*visitor) pause() request {
	return request{head: head("POST", "/pause", []byte{}), check: status(200)}
}

// late asks a handler that looks at its context. Either it ends in time to say
// so, or it is answered for.
func (*visitor) late() request {
	return request{head: head("GET", "/late", nil), check: status(503), may: []string{logFailed, logStillRunning, logLate}}
}

// invalidOrder has a fault in each of its parts.
func (*visitor) invalidOrder() request {
	items := make([]item, 1+rand.IntN(10)) // with a quantity of 0
	body := encode(items)
	return request{head: head("POST", "/shops/_/orders?limit=0", body, jsonType), body: body, check: func(a answer) error {
		if n, want := strings.Count(string(a.body), `"code"`), 3+len(items); n != want {
			return fmt.Errorf("has %d faults and not %d: %s", n, want, a.body)
		}
		return status(422)(a)
	}}
}

// plainFault sends one of the requests that are always answered alike.
func (*visitor) plainFault() request {
	return weighted[request]{
		{1, request{head: head("GET", "/none", nil), check: status(404)}},
		{1, request{head: head("DELETE", "/stats", nil), check: status(405)}},
		{1, request{head: head("GET", "/problem", nil), check: status(409)}},
		{1, request{head: head("GET", "/error", nil), check: status(500), logs: []string{logFailed}}},
		{1, request{head: head("GET", "/panic", nil), check: status(500), logs: []string{logPanic}}},
		{1, faultyOrder(jsonType, `[{"sku":"book"`, 400)},
		{1, faultyOrder(jsonType, "[{\"sku\":\"\xff\"}]", 400)},
		{1, faultyOrder(jsonType, strings.Repeat("[", 20_000), 400)},
		{1, faultyOrder(jsonType, `[] []`, 400)},
		{1, faultyOrder(jsonType, `{"sku":"book"}`, 422)},
		{1, faultyOrder(formType, "sku=book", 415)},
		{1, request{head: head("POST", "/login", []byte{}, jsonType), check: status(422)}},
		{1, request{head: head("GET", "/export?lines=1&lines=2", nil), check: status(422)}},
		{1, request{head: head("GET", "/events?events=many", nil), check: status(422)}},
	}.pick()
}

func faultyOrder(contentType, body string, want int) request {
	return request{
		head:  head("POST", "/shops/books/orders", []byte(body), contentType, "X-Trace: x"),
		body:  []byte(body),
		check: status(want),
	}
}
