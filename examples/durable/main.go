// Durable takes orders whose mail and inventory survive a crash: in memory, in a file, or
// in PostgreSQL, by one flag.
//
//	cd examples/durable && go run . -db shop.db
//
//	curl --json '{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}' http://127.0.0.1:8080/orders
//	{"order_id":"KTGBPNRF6OQVNIQVSPWSBZ5JDJ","status":"created"}
//
// and its log says, in this order or the other
//
//	2026/11/28 21:11:36 Taken for KTGBPNRF6OQVNIQVSPWSBZ5JDJ: [{book 2}]
//	2026/11/28 21:11:36 Mail to ada@example.org: We have your order KTGBPNRF6OQVNIQVSPWSBZ5JDJ
//
// Kill it at any moment, start it again, and each order that was answered has its mail, and
// is taken from the inventory once. Without -db all is in memory, and gone then. With
// -db postgres://… any number of these processes share the work.
//
// http://localhost:8080/admin/ is a page on which the work can be watched and acted upon,
// wherever it is. It has no guard, so it is for this machine only.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"log"
	"strings"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/dashboard/source"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// order is the body of the request.
type order struct {
	Email string `json:"email" validate:"required,email"`
	Items []item `json:"items" validate:"required,min=1"`
}

type item struct {
	SKU      string `json:"sku" validate:"required,min=1"`
	Quantity int    `json:"quantity" validate:"required,min=1"`
}

type created struct {
	OrderID string `json:"order_id"`
	Status  string `json:"status"`
}

// mail and items are the arguments of the tasks: what is stored of them.
type mail struct {
	To      string `json:"to"`
	OrderID string `json:"order_id"`
}

type items struct {
	OrderID string `json:"order_id"`
	Items   []item `json:"items"`
}

// shop is the same wherever its books are.
type shop struct {
	books    books
	sendText func(ctx context.Context, to, text string) error

	SendMail      background.Kind[mail]
	TakeInventory background.Kind[items]
}

// books are the orders and the inventory.
type books interface {
	// add adds an order, and stores its tasks in the same transaction.
	add(ctx context.Context, id string, in order, tasks ...*background.Task) error

	// take takes items from the inventory, and marks the task as done that ctx is of in
	// the same transaction.
	take(ctx context.Context, all []item) error
}

func newShop(sendText func(ctx context.Context, to, text string) error) *shop {
	s := &shop{sendText: sendText}
	s.SendMail = background.Define("send_mail", s.sendMail,
		background.Timeout(10*time.Second),
		background.Retry{Attempts: 5, Backoff: 200 * time.Millisecond})
	s.TakeInventory = background.Define("take_inventory", s.takeInventory,
		background.Retry{Attempts: 10})
	return s
}

// durableQueue is one of package durable, whatever its database.
type durableQueue interface {
	velithon.Queue
	Dashboard() source.Source
}

func newApp(s *shop, queue durableQueue) *velithon.App {
	app := velithon.New(velithon.Options{Queue: queue})
	app.Post("/orders", s.createOrder, routing.Status(201))
	work := source.Source(dashboard.Runner(app.Runner()))
	if queue != nil {
		work = queue.Dashboard()
	}
	dashboard.Mount(app.Group("/admin"), work, dashboard.Options{Acts: true})
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Shop",
		Version:     "1.0.0",
		Description: "Takes orders, which survive a crash.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func (s *shop) createOrder(ctx context.Context, in order) (answer responses.JSONResponse[created, *background.Tasks], err error) {
	id := rand.Text()
	confirm, take := s.SendMail.Task(mail{in.Email, id}), s.TakeInventory.Task(items{id, in.Items})
	if err := s.books.add(ctx, id, in, confirm, take); err != nil {
		return answer, err
	}
	// In memory they start when the response is sent. A queue has them already, and does
	// not store them once more.
	tasks := &background.Tasks{}
	tasks.Add(confirm, take)
	return responses.JSON(created{id, "created"}, tasks), nil
}

// sendMail runs at least once: a process may die between the mail and the note that it was
// sent. The order's number lets the reader see that it is the same.
func (s *shop) sendMail(ctx context.Context, m mail) error {
	return s.sendText(ctx, m.To, "We have your order "+m.OrderID)
}

// takeInventory has its effect exactly once.
func (s *shop) takeInventory(ctx context.Context, i items) error {
	if err := s.books.take(ctx, i.Items); err != nil {
		return err
	}
	log.Printf("Taken for %s: %v", i.OrderID, i.Items)
	return nil
}

func logMail(_ context.Context, to, text string) error {
	log.Printf("Mail to %s: %s", to, text)
	return nil
}

// open opens the books, and the queue beside them: none in memory.
func (s *shop) open(ctx context.Context, place string) (queue durableQueue, closeAll func(), err error) {
	switch {
	case place == "":
		s.books = &memoryBooks{inventory: map[string]int{}}
		return nil, func() {}, nil
	case strings.HasPrefix(place, "postgres:"):
		return s.openPostgres(ctx, place)
	default:
		return s.openSQLite(ctx, place)
	}
}

func main() {
	place := flag.String("db", "", "a file, or the URL of a PostgreSQL database; empty for memory")
	flag.Parse()
	s := newShop(logMail)
	queue, closeAll, err := s.open(context.Background(), *place)
	if err != nil {
		log.Fatal(err)
	}
	err = newApp(s, queue).Run("127.0.0.1:8080")
	closeAll()
	if err != nil {
		log.Fatal(err)
	}
}
