package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/velithon-go/velithon/durable/postgres"
	"github.com/velithon-go/velithon/durable/sqlite"
)

// A book is the database as the trial reads it.
type book struct {
	db     *sql.DB
	isFile bool
}

// patience bounds what would otherwise hang.
const patience = 20 * time.Second

const tables = `
	create table orders(n bigint primary key, how text, kinds integer);
	create table effects(kind text, n bigint, attempt integer, process text, at bigint, early integer)`

// openBook makes the tables of the shop in a new database.
func openBook(place string) (b *book, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b = &book{isFile: onSQLite(place)}
	if b.isFile {
		b.db, err = sqlite.OpenDB(place)
	} else {
		if err := migrate(ctx, place); err != nil {
			return nil, err
		}
		b.db, err = sql.Open("pgx", place)
	}
	if err != nil {
		return nil, err
	}
	b.db.SetMaxOpenConns(1) // a second one would be found dead when all but the one that asks for it were cut
	for statement := range strings.SplitSeq(tables, ";") {
		if _, err := b.db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("%w, and closing it: %w", err, b.db.Close())
		}
	}
	return b, nil
}

func migrate(ctx context.Context, place string) error {
	pool, err := pgxpool.New(ctx, place)
	if err != nil {
		return err
	}
	defer pool.Close()
	return postgres.Migrate(ctx, pool)
}

// number returns the only value that a query yields; zero for NULL.
func (b *book) number(query string, arguments ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var n sql.NullInt64
	err := b.db.QueryRowContext(ctx, query, arguments...).Scan(&n)
	return n.Int64, err
}

const (
	waiting    = "select count(*) from river_job where state = 'available'"
	poison     = "select count(*) from river_job where state not in ('completed', 'discarded', 'cancelled') and kind = '" + deadly + "'"
	lastTask   = "select max(id) from river_job"
	unfinished = "select count(*) from river_job where state not in ('completed', 'discarded', 'cancelled') and id <= $1 and kind <> $2"
)

// rows calls scan for each row that a query yields.
func (b *book) rows(query string, scan func(row *sql.Rows) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rows, err := b.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// A placed order is one that was committed.
type placed struct {
	n     int64
	how   string
	kinds int
}

// An effect is what a task has left.
type effect struct {
	kind    string
	n       int64
	attempt int
	process string
	at      time.Time
	early   bool
}

// A job is a task in the queue's table.
type job struct {
	kind, state string
	number      int
}

// found is what is in the database in the end.
type found struct {
	orders  []placed
	effects []effect // in the order of their times
	jobs    []job
}

// read reads it.
func (b *book) read() (f found, err error) {
	err = b.rows("select n, how, kinds from orders", func(row *sql.Rows) error {
		var o placed
		err := row.Scan(&o.n, &o.how, &o.kinds)
		f.orders = append(f.orders, o)
		return err
	})
	if err != nil {
		return f, err
	}
	err = b.rows("select kind, n, attempt, process, at, early from effects order by at", func(row *sql.Rows) error {
		var e effect
		var at, early int64
		err := row.Scan(&e.kind, &e.n, &e.attempt, &e.process, &at, &early)
		e.at, e.early = time.UnixMilli(at), early != 0
		f.effects = append(f.effects, e)
		return err
	})
	if err != nil {
		return f, err
	}
	err = b.rows("select kind, state, count(*) from river_job group by kind, state order by kind, state", func(row *sql.Rows) error {
		var j job
		err := row.Scan(&j.kind, &j.state, &j.number)
		f.jobs = append(f.jobs, j)
		return err
	})
	return f, err
}

// intact asks SQLite whether the file is in order.
func (b *book) intact() error {
	var said []string
	err := b.rows("pragma integrity_check", func(row *sql.Rows) error {
		var line string
		err := row.Scan(&line)
		said = append(said, line)
		return err
	})
	if err == nil && strings.Join(said, "\n") != "ok" {
		err = fmt.Errorf("the file is damaged: %s", strings.Join(said, "; "))
	}
	return err
}

// look says what some of the tasks have for which a condition holds.
func (b *book) look(condition string) (said []string) {
	errors, owner := "coalesce(cast(errors as text), '')", "coalesce(attempted_by[array_upper(attempted_by, 1)], '')"
	if b.isFile {
		errors, owner = "coalesce(json(errors), '')", "coalesce(attempted_by->>'$[#-1]', '')"
	}
	err := b.rows("select id, kind, state, attempt, max_attempts, "+owner+", "+errors+" from river_job where "+condition+" order by id limit 10", func(row *sql.Rows) error {
		var id, attempt, most int
		var kind, state, owner, errors string
		err := row.Scan(&id, &kind, &state, &attempt, &most, &owner, &errors)
		said = append(said, fmt.Sprintf("%s, stored as %d, is %s at attempt %d of %d, last by %s: %s", kind, id, state, attempt, most, owner, errors))
		return err
	})
	if err != nil {
		said = append(said, err.Error())
	}
	return said
}
