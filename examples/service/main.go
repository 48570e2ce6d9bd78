// Service takes orders, as a small service of the real world would: routes in
// groups, API keys, an access log, a store, timeouts, mails through a mail
// server with retries, an audit log, and a shutdown that loses none of it.
//
// It is a module of its own. Without SMTP_ADDR mails are logged, not sent:
//
//	cd examples/service
//	API_KEYS=ada=secret go run .
//
//	curl -i localhost:8080/api/v1/orders -H 'Authorization: Bearer secret' -H 'Content-Type: application/json' \
//	  -d '{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}'
//	HTTP/1.1 201 Created
//	Date: Mon, 23 Nov 2026 21:45:22 GMT
//	Content-Type: application/json
//	Content-Length: 148
//	X-Request-Id: 50e5c8d3b32c9b30-4000001
//	Location: /api/v1/orders/DXQYAPAJXN3PTI6PY7NAXQCSQO
//
//	{"id":"DXQYAPAJXN3PTI6PY7NAXQCSQO","status":"open","email":"ada@example.org","items":[{"sku":"book","quantity":2}],"created":"2026-11-23T21:45:22Z"}
//
//	curl 'localhost:8080/api/v1/orders?status=open&limit=1' -H 'Authorization: Bearer secret'
//	{"orders":[{"id":"DXQYAPAJXN3PTI6PY7NAXQCSQO","status":"open","email":"ada@example.org","items":[{"sku":"book","quantity":2}],"created":"2026-11-23T21:45:22Z"}],"total":1}
//
//	curl -X POST localhost:8080/api/v1/orders/DXQYAPAJXN3PTI6PY7NAXQCSQO/cancel -H 'Authorization: Bearer secret'
//	{"id":"DXQYAPAJXN3PTI6PY7NAXQCSQO","status":"cancelled","email":"ada@example.org","items":[{"sku":"book","quantity":2}],"created":"2026-11-23T21:45:22Z"}
//
//	curl localhost:8080/api/v1/orders
//	{"title":"Unauthorized","status":401,"detail":"an API key is needed, in the header Authorization: Bearer KEY"}
//
//	curl localhost:8080/stats
//	{"queued":0,"running":0,"retrying":0,"oldest_seconds":0,"succeeded":3,"retried":0,"failed":{}}
package main

import (
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
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	s := &service{
		config: c,
		logger: logger,
		store:  newMemoryStore(),
		mailer: newMailer(c, logger),
		audit:  newAudit(os.Stdout),
	}
	if err := s.app().Run(c.addr); err != nil {
		logger.Error("the service ended", "error", err)
		os.Exit(1)
	}
}
