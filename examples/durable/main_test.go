package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

// A mailbox takes mails.
type mailbox struct {
	mu    sync.Mutex // guards mails
	mails []string
}

func (m *mailbox) send(_ context.Context, to, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, to+": "+text)
	return nil
}

func (m *mailbox) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mails...)
}

// The same order, wherever the books are.
func TestOrder(t *testing.T) {
	places := map[string]string{"memory": "", "SQLite": filepath.Join(t.TempDir(), "shop.db")}
	if server := os.Getenv("VELITHON_POSTGRES"); server != "" {
		places["PostgreSQL"] = server
	} else {
		t.Log("not on PostgreSQL: set VELITHON_POSTGRES to the URL of a server for that")
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			var inbox mailbox
			s := newShop(inbox.send)
			queue, closeAll, err := s.open(context.Background(), place)
			require.NoError(t, err)
			t.Cleanup(closeAll)
			before := taken(t, s.books)

			app := newApp(s, queue)
			kit := velithontest.New(t, app)
			kit.Hold()
			answer := velithontest.Post[created](kit, "/orders", `{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}`)
			require.Equal(t, 201, answer.Status, answer.Text)
			require.Empty(t, inbox.all())
			require.NoError(t, kit.Step("send_mail").Err)
			require.Equal(t, []string{"ada@example.org: We have your order " + answer.Body.OrderID}, inbox.all())
			require.NoError(t, kit.Step("take_inventory").Err)
			require.Equal(t, before+2, taken(t, s.books))
			page := velithontest.Get[any](kit, "http://localhost/admin/", "Connection: keep-alive") // as a browser
			require.Equal(t, 200, page.Status, page.Text)
			if queue != nil { // whose kinds are known from the start
				require.Contains(t, page.Text, "send_mail")
			}
			require.NoError(t, app.Shutdown(context.Background()))
			require.Equal(t, before+2, taken(t, s.books), "once")
		})
	}
}

// taken returns how many books were taken.
func taken(t *testing.T, b books) (n int) {
	t.Helper()
	const query = "select coalesce(sum(quantity), 0) from taken where sku = 'book'"
	switch b := b.(type) {
	case *memoryBooks:
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.inventory["book"]
	case *sqliteBooks:
		require.NoError(t, b.db.QueryRowContext(context.Background(), query).Scan(&n))
	case *postgresBooks:
		require.NoError(t, b.pool.QueryRow(context.Background(), query).Scan(&n))
	}
	return n
}
