package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/smtp"
	"time"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/websocket"
)

type order struct {
	ID       int64  `json:"id"`
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Total    int    `json:"total"`
	Invoice  *int64 `json:"invoice"` // its number, once there is one
}

var errSoldOut = responses.NewProblem(409, "there is not so much of this product")

// place takes from the stock and stores the order with its tasks, all of it or nothing.
func (s *shop) place(ctx context.Context, in struct {
	Customer customer `provide:""`
	Order    struct {
		SKU      string `json:"sku" validate:"required"`
		Quantity int    `json:"quantity" validate:"required,min=1,max=100"`
	} `body:"" validate:"required"`
},
) (answer responses.ContentResponse[order], err error) {
	o := order{SKU: in.Order.SKU, Quantity: in.Order.Quantity}
	err = s.queue.InTx(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, "update products set stock = stock - ?1 where sku = ?2 and stock >= ?1 returning price * ?1", o.Quantity, o.SKU)
		if err := row.Scan(&o.Total); err != nil {
			return orNone(err, errSoldOut)
		}
		row = tx.QueryRowContext(ctx, "insert into orders(customer, sku, quantity, total) values (?, ?, ?, ?) returning id", in.Customer, o.SKU, o.Quantity, o.Total)
		if err := row.Scan(&o.ID); err != nil {
			return err
		}
		return s.queue.StoreTx(ctx, tx, s.mails.Task(mail{string(in.Customer), fmt.Sprint("Your order ", o.ID), "Thank you. We have your order."}), s.invoices.Task(o.ID))
	})
	answer = responses.Content(o)
	answer.Header = responses.Header{"Location": {fmt.Sprint("/api/orders/", o.ID)}}
	return answer, err
}

// ofCustomer is an order of the customer who asks.
type ofCustomer struct {
	Customer customer `provide:""`
	ID       int64    `path:"id"`
}

var errNoOrder = responses.NewProblem(404, "no such order")

func (s *shop) order(ctx context.Context, in ofCustomer) (o order, err error) {
	row := s.db.QueryRowContext(ctx, "select id, sku, quantity, total, number from orders left join invoices on order_id = id where id = ? and customer = ?", in.ID, in.Customer)
	err = row.Scan(&o.ID, &o.SKU, &o.Quantity, &o.Total, &o.Invoice)
	return o, orNone(err, errNoOrder)
}

// follow sends the order until it has its invoice.
func (s *shop) follow(ctx context.Context, in ofCustomer) (*responses.EventStreamResponse, error) {
	o, err := s.order(ctx, in)
	if err != nil {
		return nil, err
	}
	return responses.EventStream(func(events *responses.EventWriter) error {
		for tick := time.Tick(s.poll); ; {
			if err := events.SendJSON("order", o); err != nil || o.Invoice != nil {
				return err
			}
			select {
			case <-tick:
			case <-ctx.Done(): // a shutdown: the page asks again
				return nil
			}
			if o, err = s.order(ctx, in); err != nil {
				return err
			}
		}
	}), nil
}

// question is one about orders, by a customer who waits for the answer by mail.
type question struct {
	Text string `json:"text" validate:"required,min=1,max=2000"`
}

var questions = websocket.New[question, question](websocket.Options{})

// ask takes questions, and sends each back when it is sure that the team gets it.
func (s *shop) ask(ctx context.Context, in struct {
	Customer customer `provide:""`
},
) (*websocket.Response, error) {
	return questions.Upgrade(ctx, func(conn *websocket.Conn[question, question]) error {
		for {
			q, err := conn.Receive(ctx)
			if err == nil {
				err = s.runner.Submit(ctx, s.mails.Task(mail{"team@shop.example", "A question", string(in.Customer) + " asks: " + q.Text}))
			}
			if err == nil {
				err = conn.Send(ctx, q)
			}
			if err != nil {
				return err
			}
		}
	})
}

// A mail may be sent twice, if the process dies in between.
type mail struct{ To, Subject, Text string }

// sendMail sends a mail through the server of its neighbourhood. net/smtp knows no context,
// so a server that hangs keeps a worker: examples/service shows more.
func (s *shop) sendMail(ctx context.Context, m mail) error {
	if s.config.smtp == "" {
		s.logger.InfoContext(ctx, "mail", "to", m.To, "subject", m.Subject)
		return nil
	}
	text := fmt.Sprintf("To: %s\r\nSubject: %s\r\n\r\n%s\r\n", m.To, m.Subject, m.Text)
	return smtp.SendMail(s.config.smtp, nil, "orders@shop.example", []string{m.To}, []byte(text))
}

// writeInvoice has its effect once, however often it runs.
func (s *shop) writeInvoice(ctx context.Context, order int64) error {
	return s.queue.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into invoices(order_id) values (?)", order); err != nil {
			return err
		}
		return s.queue.DoneTx(ctx, tx)
	})
}
