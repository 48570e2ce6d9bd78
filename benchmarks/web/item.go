package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/velithon-go/velithon/benchmarks/wire"
)

// A Request is what a client sends.
type Request struct {
	Method string
	Target string // path and query
	Body   string // JSON, or empty
}

const contentTypeJSON = "application/json"

// Bytes returns the request as it is on the wire.
func (r Request) Bytes() []byte {
	return wire.Request(r.Method, r.Target, contentTypeJSON, r.Body)
}

// An Item is a piece of work: a request and what it must be answered.
type Item struct {
	Name    string
	Request Request
	Status  int

	// Body is the whole answer; empty where every framework has a document
	// of its own, which then must match all of Mentions in any case.
	Body     string
	Mentions []string

	// Tasks is how many background tasks the request starts.
	Tasks int
}

// Items returns the work that is timed.
func Items() []Item {
	return []Item{
		{
			Name:    "order",
			Request: Request{http.MethodPost, "/order?source=web&priority=3", smallOrder},
			Status:  http.StatusCreated,
			Body:    `{"order_id":"web-3-05","status":"created"}`,
		},
		{
			Name:    "tasks",
			Request: Request{http.MethodPost, "/order/tasks?source=web&priority=3", smallOrder},
			Status:  http.StatusCreated,
			Body:    `{"order_id":"web-3-05","status":"created"}`,
			Tasks:   2,
		},
		{
			Name:    "lookup",
			Request: Request{http.MethodGet, "/products/42?full=true", ""},
			Status:  http.StatusOK,
			Body:    `{"id":42,"full":true}`,
		},
		{
			Name:    "bulk",
			Request: Request{http.MethodPost, "/order?source=app&priority=5", orderOf(100)},
			Status:  http.StatusCreated,
			Body:    `{"order_id":"app-5-15","status":"created"}`,
		},
		{
			Name:     "faults",
			Request:  Request{http.MethodPost, "/order?source=fax&priority=9", `{"email":"nobody","items":[{"qty":1},{"sku":"B-2","qty":0}]}`},
			Status:   http.StatusUnprocessableEntity,
			Mentions: []string{"source", "priority", "email", "sku", "qty|quantity"},
		},
		{
			Name:    "text",
			Request: Request{http.MethodGet, "/hello", ""},
			Status:  http.StatusOK,
			Body:    greeting,
		},
	}
}

// Controls returns requests that are not timed. They keep a peer from being
// fast by answering what it did not look at.
func Controls() []Item {
	return []Item{
		{
			Name:    "another order",
			Request: Request{http.MethodPost, "/order?source=app&priority=1", `{"email":"bob@example.org","items":[{"sku":"Z","qty":12}]}`},
			Status:  http.StatusCreated,
			Body:    `{"order_id":"app-1-11","status":"created"}`,
		},
		{
			Name:     "no priority",
			Request:  Request{http.MethodPost, "/order?source=web", smallOrder},
			Status:   http.StatusUnprocessableEntity,
			Mentions: []string{"priority"},
		},
		{
			Name:     "no items",
			Request:  Request{http.MethodPost, "/order?source=web&priority=1", `{"email":"ada@example.com","items":[]}`},
			Status:   http.StatusUnprocessableEntity,
			Mentions: []string{"items"},
		},
		{
			Name:    "another product",
			Request: Request{http.MethodGet, "/products/7?full=false", ""},
			Status:  http.StatusOK,
			Body:    `{"id":7,"full":false}`,
		},
	}
}

const smallOrder = `{"email":"ada@example.com","items":[{"sku":"A-1","qty":1},{"sku":"B-2","qty":2},{"sku":"C-3","qty":3}]}`

func orderOf(lines int) string {
	var b strings.Builder
	b.WriteString(`{"email":"ada@example.com","items":[`)
	for i := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"SKU-%05d","qty":%d}`, i, 1+i%9)
	}
	b.WriteString(`]}`)
	return b.String()
}

// Check reports what is wrong with an answer to the item's request.
func (i Item) Check(status int, body []byte) error {
	text := strings.TrimSuffix(string(body), "\n")
	if status != i.Status {
		return fmt.Errorf("%s: status %d instead of %d, body %s", i.Name, status, i.Status, text)
	}
	if i.Body != "" {
		if text != i.Body {
			return fmt.Errorf("%s: body %s instead of %s", i.Name, text, i.Body)
		}
		return nil
	}
	if !json.Valid(body) {
		return fmt.Errorf("%s: the body is not JSON: %s", i.Name, text)
	}
	for _, name := range i.Mentions {
		if !regexp.MustCompile("(?i)" + name).MatchString(text) {
			return fmt.Errorf("%s: the body does not speak of %s: %s", i.Name, name, text)
		}
	}
	return nil
}
