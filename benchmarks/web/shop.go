package web

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// What follows is the input and output that the peers have in common. Each
// framework reads its own tags: validate for go-playground/validator (binding
// in Gin), format, minItems, minLength, minimum, maximum and enum for huma.

// A Placement is where an order comes from and how urgent it is: the query.
type Placement struct {
	Source   string `json:"-" query:"source" validate:"required,oneof=web app" enum:"web,app" required:"true"`
	Priority int    `json:"-" query:"priority" validate:"required,min=1,max=5" minimum:"1" maximum:"5" required:"true"`
}

// An Order is the JSON body.
type Order struct {
	Email string `json:"email" validate:"required,email" binding:"required,email" format:"email"`
	Items []Line `json:"items" validate:"required,min=1,dive" binding:"required,min=1,dive" minItems:"1"`
}

// A Line is one item of an [Order].
type Line struct {
	SKU      string `json:"sku" validate:"required" binding:"required" minLength:"1"`
	Quantity int    `json:"qty" validate:"min=1" binding:"min=1" minimum:"1"`
}

// Quantity returns how many pieces are ordered.
func (o *Order) Quantity() (n int) {
	for i := range o.Items {
		n += o.Items[i].Quantity
	}
	return n
}

// Created answers an order.
type Created struct {
	OrderID string `json:"order_id"`
	Status  string `json:"status"`
}

// A Product answers a lookup.
type Product struct {
	ID   int  `json:"id"`
	Full bool `json:"full"`
}

const greeting = "Hello, World!"

// A Shop is the business behind the handlers. It costs next to nothing, and
// what it answers depends on all that it was given, so that a framework which
// binds a value wrong is found out.
type Shop struct {
	ids   [2][5][16]string
	tasks atomic.Int64
}

// NewShop returns a shop.
func NewShop() *Shop {
	s := &Shop{}
	for i, source := range [...]string{"web", "app"} {
		for priority := range s.ids[i] {
			for rest := range s.ids[i][priority] {
				s.ids[i][priority][rest] = fmt.Sprintf("%s-%d-%02d", source, priority+1, rest)
			}
		}
	}
	return s
}

// Place returns the id of an order. It allocates nothing.
func (s *Shop) Place(p Placement, o *Order) string {
	source := 0
	if p.Source == "app" {
		source = 1
	}
	return s.ids[source][p.Priority-1][(o.Quantity()+len(o.Email))%16]
}

// Confirm is the first task after an order: it stands for a mail.
func (s *Shop) Confirm(email, orderID string) {
	if email == "" || orderID == "" {
		panic("a confirmation lost its argument")
	}
	s.tasks.Add(1)
}

// Take is the second task after an order: it stands for an update of the
// inventory.
func (s *Shop) Take(lines []Line) {
	if len(lines) == 0 {
		panic("an update lost its argument")
	}
	s.tasks.Add(1)
}

// Tasks returns how many tasks have ended.
func (s *Shop) Tasks() int { return int(s.tasks.Load()) }

// Await waits until n tasks have ended, and reports whether they did within a
// minute.
func (s *Shop) Await(n int) bool {
	for deadline := time.Now().Add(time.Minute); s.Tasks() < n; runtime.Gosched() {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
