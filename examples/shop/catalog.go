package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

const schema = `
	create table if not exists products(sku text primary key, name text, description text, price integer, stock integer);
	create table if not exists orders(id integer primary key, customer text, sku text, quantity integer, total integer);
	create table if not exists invoices(number integer primary key autoincrement, order_id integer unique);
	insert or ignore into products values ('book', 'A book', 'With pages', 1200, 100), ('pen', 'A pen', null, 150, 1000)`

type product struct {
	SKU         string  `json:"sku"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Price       int     `json:"price"`
	Stock       int     `json:"stock"`
}

// A page is a part of the products. Next is what the page behind it is after; the last has none.
type page struct {
	Products []product `json:"products"`
	Next     string    `json:"next,omitempty"`
}

var errNoProduct = responses.NewProblem(404, "no such product")

func (s *shop) products(ctx context.Context, in struct {
	After string `query:"after"`
	Limit int    `query:"limit" default:"20" validate:"min=1,max=100"`
},
) (page, error) {
	rows, err := s.db.QueryContext(ctx, "select sku, name, description, price, stock from products where sku > ? order by sku limit ?", in.After, in.Limit+1)
	if err != nil {
		return page{}, err
	}
	defer rows.Close()
	all := page{Products: []product{}}
	for rows.Next() {
		var p product
		if err := rows.Scan(&p.SKU, &p.Name, &p.Description, &p.Price, &p.Stock); err != nil {
			return page{}, err
		}
		all.Products = append(all.Products, p)
	}
	if len(all.Products) > in.Limit {
		all.Products = all.Products[:in.Limit]
		all.Next = all.Products[in.Limit-1].SKU
	}
	return all, rows.Err()
}

// change changes what is sent, and leaves the rest. Only a description may be null.
func (s *shop) change(ctx context.Context, in struct {
	By      clerk  `provide:""`
	SKU     string `path:"sku"`
	Changes struct {
		Name        params.Optional[string]  `json:"name" validate:"min=1,max=100"`
		Description params.Optional[*string] `json:"description" validate:"max=1000"`
		Price       params.Optional[int]     `json:"price" validate:"min=0,max=100000000"`
		Stock       params.Optional[int]     `json:"stock" validate:"min=0,max=1000000"`
	} `body:"" validate:"required"`
},
) (p product, err error) {
	err = s.queue.InTx(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, "select sku, name, description, price, stock from products where sku = ?", in.SKU)
		if err := row.Scan(&p.SKU, &p.Name, &p.Description, &p.Price, &p.Stock); err != nil {
			return orNone(err, errNoProduct)
		}
		in.Changes.Name.ApplyTo(&p.Name)
		in.Changes.Description.ApplyTo(&p.Description)
		in.Changes.Price.ApplyTo(&p.Price)
		in.Changes.Stock.ApplyTo(&p.Stock)
		_, err := tx.ExecContext(ctx, "update products set name = ?, description = ?, price = ?, stock = ? where sku = ?", p.Name, p.Description, p.Price, p.Stock, p.SKU)
		return err
	})
	return p, err
}

// orNone returns none in place of the error that there is no row.
func orNone(err, none error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return none
	}
	return err
}
