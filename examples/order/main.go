// Order takes an order, answers, and then confirms it by mail and updates the
// inventory: two tasks that the response carries.
//
//	go run ./examples/order
//
//	curl --json '{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}' http://127.0.0.1:8080/order
//	{"order_id":"KTGBPNRF6OQVNIQVSPWSBZ5JDJ","status":"created"}
//
// and its log says, in this order or the other
//
//	2026/11/23 21:11:36 On the shelf: map[book:1 pencil:100]
//	2026/11/23 21:11:36 Mail to ada@example.org: We have your order KTGBPNRF6OQVNIQVSPWSBZ5JDJ
//
// http://127.0.0.1:8080/docs describes it, on a page to try it; docs/clients.md shows the clients
// that are generated from the same description.
//
// One book is left:
//
//	curl --json '{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}' http://127.0.0.1:8080/order
//	{"title":"Conflict","status":409,"detail":"sold out"}
//
//	curl http://127.0.0.1:8080/stock/book
//	{"sku":"book","free":1}
//
// Anyone may order. Who starts it with a token in the variable ADA, and orders with -H
// "Authorization: Bearer $ADA", is called by name in the mail; a wrong token is refused.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"flag"
	"log"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// purchase is the input of createOrder.
type purchase struct {
	Customer customer `provide:""`
	Order    order    `body:"" validate:"required"`
}

// order is the body of the request. Its tags are all there is to validation.
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

type stock struct {
	SKU  string `json:"sku"`
	Free int    `json:"free"`
}

// A customer is who orders. Without a token it is a guest, who has no name.
type customer struct {
	Name string
}

// confirmation is the argument of the task that sends one. Its fields are exported,
// so that a task that came to nothing can be stored with it.
type confirmation struct {
	Email   string
	Name    string // of a customer; empty for a guest
	OrderID string
}

var (
	token         = routing.Bearer("token", "")
	errWrongToken = responses.NewProblem(401, "the token is not known")

	errSoldOut     = responses.NewProblem(409, "sold out")
	errNotSold     = responses.NewProblem(404, "this is not for sale")
	errNoSuchInbox = errors.New("no such inbox")
)

// shop sells what is in its inventory.
type shop struct {
	inventory *inventory
	customers map[[sha256.Size]byte]customer // by the hashes of their tokens; nil for none
	sendMail  func(ctx context.Context, to, text string) error

	confirm background.Kind[confirmation]
	take    background.Kind[[]item]
}

// newShop defines the kinds of tasks: their names, which logs and statistics have,
// and what is tried again.
func newShop(inventory *inventory, sendMail func(ctx context.Context, to, text string) error) *shop {
	s := &shop{inventory: inventory, sendMail: sendMail}
	s.confirm = background.Define("send confirmation", s.sendConfirmation,
		background.Timeout(10*time.Second),
		background.Retry{Attempts: 5, Backoff: 200 * time.Millisecond})
	s.take = background.Define("update inventory", inventory.take)
	return s
}

func newApp(s *shop) *velithon.App {
	app := velithon.New(velithon.Options{})
	routing.Provide(app.Router, s.customerOf, routing.Secured(token), routing.OrAnonymous())
	app.Post("/order", s.createOrder, routing.Status(201), openapi.Describe(openapi.Operation{
		Summary:   "Take an order",
		Responses: map[int]openapi.Response{409: {Description: "Sold out"}},
		Work:      []openapi.Kind{s.confirm, s.take},
	}))
	app.Get("/stock/{sku}", s.stock, openapi.Describe(openapi.Operation{
		Summary:   "How many are left",
		Responses: map[int]openapi.Response{404: {Description: "Not for sale"}},
	}))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Shop",
		Version:     "1.0.0",
		Description: "Takes orders, confirms them by mail and updates the inventory.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// customerOf returns who orders. Who does not say it may order, too.
func (s *shop) customerOf(_ context.Context, in struct {
	Authorization string `header:"Authorization"`
},
) (customer, error) {
	if in.Authorization == "" {
		return customer{}, nil
	}
	_, secret, _ := strings.Cut(in.Authorization, " ")
	c, ok := s.customers[sha256.Sum256([]byte(secret))]
	if !ok {
		return customer{}, errWrongToken
	}
	return c, nil
}

func (s *shop) createOrder(_ context.Context, in purchase) (answer responses.JSONResponse[created, *background.Tasks], err error) {
	if !s.inventory.reserve(in.Order.Items) {
		return answer, errSoldOut
	}
	id := rand.Text()
	tasks := &background.Tasks{}
	tasks.Add(s.confirm.Task(confirmation{in.Order.Email, in.Customer.Name, id}), s.take.Task(in.Order.Items))
	return responses.JSON(created{id, "created"}, tasks), nil
}

func (s *shop) stock(_ context.Context, in struct {
	SKU string `path:"sku"`
},
) (stock, error) {
	free, ok := s.inventory.left(in.SKU)
	if !ok {
		return stock{}, errNotSold
	}
	return stock{in.SKU, free}, nil
}

func (s *shop) sendConfirmation(ctx context.Context, c confirmation) error {
	text := "We have your order " + c.OrderID
	if c.Name != "" {
		text = "Dear " + c.Name + "! " + text
	}
	err := s.sendMail(ctx, c.Email, text)
	if errors.Is(err, errNoSuchInbox) {
		return background.Permanent(err) // the next attempt would end the same
	}
	return err
}

// inventory counts items. An order reserves them before it is accepted, and
// they leave the shelf afterwards.
type inventory struct {
	mu    sync.Mutex     // guards what follows
	free  map[string]int // not reserved, by SKU
	shelf map[string]int // not taken, by SKU
}

func newInventory(stock map[string]int) *inventory {
	return &inventory{free: maps.Clone(stock), shelf: maps.Clone(stock)}
}

// reserve reserves all items or none, and reports whether it did.
func (i *inventory) reserve(items []item) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	free := maps.Clone(i.free)
	for _, item := range items {
		if free[item.SKU] < item.Quantity {
			return false
		}
		free[item.SKU] -= item.Quantity
	}
	i.free = free
	return true
}

// left returns how many of an item are not reserved, and whether it is sold at all.
func (i *inventory) left(sku string) (int, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	free, ok := i.free[sku]
	return free, ok
}

// take takes reserved items off the shelf.
func (i *inventory) take(_ context.Context, items []item) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, item := range items {
		i.shelf[item.SKU] -= item.Quantity
	}
	log.Printf("On the shelf: %v", i.shelf)
	return nil
}

func logMail(_ context.Context, to, text string) error {
	log.Printf("Mail to %s: %s", to, text)
	return nil
}

func main() {
	address := flag.String("listen", ":8080", "where to listen")
	flag.Parse()
	s := newShop(newInventory(map[string]int{"book": 3, "pencil": 100}), logMail)
	if secret := os.Getenv("ADA"); secret != "" {
		s.customers = map[[sha256.Size]byte]customer{sha256.Sum256([]byte(secret)): {"Ada"}}
	}
	if err := newApp(s).Run(*address); err != nil {
		log.Fatal(err)
	}
}
