package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			app := newApp(s, queue)
			served := make(chan error, 1)
			go func() { served <- app.Serve(listener) }()
			status, answer := post(t, "http://"+listener.Addr().String()+"/orders")
			require.Equal(t, 201, status, answer)
			var got created
			require.NoError(t, json.Unmarshal([]byte(answer), &got))
			require.Eventually(t, func() bool {
				return len(inbox.all()) == 1 && taken(t, s.books) == before+2
			}, 20*time.Second, 5*time.Millisecond)
			assert.Equal(t, []string{"ada@example.org: We have your order " + got.OrderID}, inbox.all())
			require.NoError(t, app.Shutdown(context.Background()))
			require.NoError(t, <-served)
			assert.Equal(t, before+2, taken(t, s.books), "once")
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

// post sends an order and returns the status and the body of the answer.
func post(t *testing.T, url string) (status int, answer string) {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(`{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}`))
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections() // a shutdown would wait for another request
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}
