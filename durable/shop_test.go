package durable_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/durable"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The acceptance example: one shop, in memory and with each engine.

type order struct {
	Email string   `json:"email" validate:"required,email"`
	SKUs  []string `json:"skus" validate:"required,min=1"`
	How   string   `json:"how"` // the work goes with the response, in the transaction, or both
}

type created struct {
	ID int64 `json:"id"`
}

type mail struct {
	To    string `json:"to"`
	Order int64  `json:"order"`
}

type items struct {
	SKUs []string `json:"skus"`
}

type shop[Tx any] struct {
	SendMail      background.Kind[mail]
	TakeInventory background.Kind[items]

	db    *database[Tx]       // nil in memory
	queue *durable.Queue[Tx]  // nil in memory
	begin func() Tx           //
	fail  func(in order) bool // whether a transaction is to be rolled back
	ids   atomic.Int64

	mu  sync.Mutex // guards what follows
	ran []string
}

func newShop[Tx any](db *database[Tx]) *shop[Tx] {
	s := &shop[Tx]{db: db, fail: func(order) bool { return false }}
	s.SendMail = background.Define("send_mail", s.sendMail,
		background.Timeout(10*time.Second),
		background.Retry{Attempts: 5, Backoff: 20 * time.Millisecond})
	s.TakeInventory = background.Define("take_inventory", s.takeInventory)
	return s
}

func (s *shop[Tx]) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = append(s.ran, text)
}

func (s *shop[Tx]) done() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ran...)
}

func (s *shop[Tx]) sendMail(ctx context.Context, m mail) error {
	if s.db == nil {
		s.note(fmt.Sprintf("mail to %s by %s", m.To, routing.RequestID(ctx)))
		return nil
	}
	tx := s.begin()
	defer s.db.rollback(tx) //nolint:errcheck // after a commit
	if err := s.db.execTx(ctx, tx, "insert into mails(address) values ($1)", m.To); err != nil {
		return err
	}
	if err := s.queue.DoneTx(ctx, tx); err != nil { // effect and completion commit together
		return err
	}
	if err := s.db.commit(tx); err != nil {
		return err
	}
	s.note(fmt.Sprintf("mail to %s by %s", m.To, routing.RequestID(ctx)))
	return nil
}

func (s *shop[Tx]) takeInventory(_ context.Context, i items) error {
	s.note("take " + strings.Join(i.SKUs, ", "))
	return nil
}

func (s *shop[Tx]) createOrder(ctx context.Context, in order) (answer responses.JSONResponse[created, *background.Tasks], err error) {
	id := s.ids.Add(1)
	tasks := &background.Tasks{}
	post, take := s.SendMail.Task(mail{in.Email, id}), s.TakeInventory.Task(items{in.SKUs})
	if in.How != "tx" {
		tasks.Add(post, take)
	}
	if s.db != nil && in.How != "response" {
		for range 2 { // one that fails is tried again
			tx := s.begin()
			err = errors.Join(
				s.db.execTx(ctx, tx, "insert into orders(email) values ($1)", in.Email),
				s.queue.StoreTx(ctx, tx, post, take))
			if err == nil && !s.fail(in) {
				err = s.db.commit(tx)
				break
			}
			_ = s.db.rollback(tx)
		}
	}
	return responses.JSON(created{id}, tasks), err
}

// serve runs an app until the test ends, and returns its address and how to end it.
func serve(t *testing.T, app *velithon.App) (address string, shutdown func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	shutdown = sync.OnceFunc(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, app.Shutdown(ctx))
		assert.NoError(t, <-served)
	})
	t.Cleanup(shutdown)
	return "http://" + listener.Addr().String(), shutdown
}

// post sends an order and returns the answer.
func post(t *testing.T, address, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodPost, address+"/orders", strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Request-Id", "a-1")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}

// takesOrders is the same for all: the answer, and what comes of it.
func takesOrders[Tx any](t *testing.T, s *shop[Tx], app *velithon.App) {
	t.Helper()
	app.Post("/orders", s.createOrder, routing.Status(201))
	address, shutdown := serve(t, app)
	status, answer := post(t, address, `{"email":"ada@example.org","skus":["book","pen"],"how":"both"}`)
	assert.Equal(t, 201, status)
	assert.JSONEq(t, `{"id":1}`, answer)
	eventually(t, "both tasks run", func() bool { return len(s.done()) >= 2 })
	shutdown()
	assert.ElementsMatch(t, []string{"mail to ada@example.org by a-1", "take book, pen"}, s.done())
}

func TestShopInMemory(t *testing.T) {
	takesOrders(t, newShop[*sql.Tx](nil), velithon.New(velithon.Options{Logger: quiet}))
}

func openShop[Tx any](t *testing.T, d *database[Tx], o durable.Options) *shop[Tx] {
	t.Helper()
	d.exec(t, "create table orders(email text)")
	d.exec(t, "create table mails(address text)")
	s := newShop(d)
	s.begin = func() Tx { return d.begin(t) }
	s.queue = d.open(t, o, s.SendMail, s.TakeInventory)
	return s
}

func testShop[Tx any](t *testing.T, d *database[Tx]) {
	s := openShop(t, d, durable.Options{})
	takesOrders(t, s, velithon.New(velithon.Options{Logger: quiet, Queue: s.queue}))
	assert.Equal(t, 2, d.jobs(t))
	assert.Equal(t, 1, d.number(t, "select count(*) from orders"))
	assert.Equal(t, 1, d.number(t, "select count(*) from mails"))
	assert.Equal(t, 2, d.number(t, "select count(*) from river_job where state = 'completed'"))
}

// Web only: what is stored is worked by another process, here another queue.
func testWebAndWorkers[Tx any](t *testing.T, d *database[Tx]) {
	s := openShop(t, d, durable.Options{StoreOnly: true})
	app := velithon.New(velithon.Options{Logger: quiet, Queue: s.queue})
	app.Post("/orders", s.createOrder, routing.Status(201))
	address, shutdown := serve(t, app)
	for i, how := range []string{"response", "tx", "both"} {
		status, _ := post(t, address, `{"email":"ada@example.org","skus":["book"],"how":"`+how+`"}`)
		assert.Equal(t, 201, status, how)
		assert.Equal(t, 2*(i+1), d.jobs(t), how)
	}
	shutdown()
	assert.Empty(t, s.done())
	assert.Zero(t, app.Runner().Stats().Accepted, "nothing is left for the runner of the app")

	worker := d.open(t, durable.Options{}, s.SendMail, s.TakeInventory)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	eventually(t, "all tasks run", func() bool { return len(s.done()) == 6 })
	cancel()
	require.NoError(t, <-ended)
	assert.Equal(t, 6, d.number(t, "select count(*) from river_job where state = 'completed'"))
}

func testTransactionsThatFail[Tx any](t *testing.T, d *database[Tx]) {
	s := openShop(t, d, durable.Options{StoreOnly: true})
	app := velithon.New(velithon.Options{Logger: quiet, Queue: s.queue})
	app.Post("/orders", s.createOrder, routing.Status(201))
	address, _ := serve(t, app)

	tries := 0
	s.fail = func(order) bool { tries++; return tries == 1 }
	status, _ := post(t, address, `{"email":"ada@example.org","skus":["book"],"how":"both"}`)
	assert.Equal(t, 201, status)
	assert.Equal(t, 2, d.jobs(t), "stored by the second transaction, and once")

	s.fail = func(order) bool { return true }
	status, _ = post(t, address, `{"email":"ada@example.org","skus":["book"],"how":"tx"}`)
	assert.Equal(t, 201, status)
	assert.Equal(t, 2, d.jobs(t), "a transaction that is rolled back stores nothing")
	status, _ = post(t, address, `{"email":"ada@example.org","skus":["book"],"how":"both"}`)
	assert.Equal(t, 201, status)
	assert.Equal(t, 4, d.jobs(t), "the response has promised it all the same")
}

func testDatabaseThatIsLocked[Tx any](t *testing.T, d *database[Tx]) {
	s := openShop(t, d, durable.Options{})
	app := velithon.New(velithon.Options{
		Logger: quiet, Queue: s.queue,
		Runner: background.RunnerOptions{StoreTimeout: 300 * time.Millisecond},
	})
	app.Post("/orders", s.createOrder, routing.Status(201))
	address, _ := serve(t, app)
	const body = `{"email":"ada@example.org","skus":["book"],"how":"response"}`
	status, _ := post(t, address, body)
	assert.Equal(t, 201, status)
	unlock := d.lock(t)
	for range 3 {
		status, answer := post(t, address, body)
		assert.Equal(t, 503, status)
		assert.JSONEq(t, `{"title":"Service Unavailable","status":503,"detail":"the service is busy: try again later"}`, answer)
	}
	unlock()
	status, _ = post(t, address, body)
	assert.Equal(t, 201, status)
	eventually(t, "both orders' tasks run", func() bool { return len(s.done()) == 4 })
	assert.Equal(t, 4, d.jobs(t), "those that were refused are not stored")
}

func TestShopOnSQLite(t *testing.T) {
	onSQLite(t, map[string]test[*sql.Tx]{
		"shop": testShop[*sql.Tx], "web and workers": testWebAndWorkers[*sql.Tx],
		"transactions that fail": testTransactionsThatFail[*sql.Tx], "locked database": testDatabaseThatIsLocked[*sql.Tx],
	})
}

func TestShopOnPostgreSQL(t *testing.T) {
	onPostgreSQL(t, map[string]test[pgx.Tx]{
		"shop": testShop[pgx.Tx], "web and workers": testWebAndWorkers[pgx.Tx],
		"transactions that fail": testTransactionsThatFail[pgx.Tx], "locked database": testDatabaseThatIsLocked[pgx.Tx],
	})
}
