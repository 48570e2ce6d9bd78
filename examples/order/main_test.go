package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
)

// A mailbox takes mails. It fails with its errors first, one each time.
type mailbox struct {
	errs  []error
	mails []string
}

func (m *mailbox) send(_ context.Context, to, text string) error {
	if len(m.errs) > 0 {
		err := m.errs[0]
		m.errs = m.errs[1:]
		return err
	}
	m.mails = append(m.mails, to+": "+text)
	return nil
}

const twoBooks = `{"email":"ada@example.org","items":[{"sku":"book","quantity":2}]}`

func TestOrder(t *testing.T) {
	var inbox mailbox
	stock := newInventory(map[string]int{"book": 3})
	app := newApp(newShop(stock, inbox.send))
	url := serve(t, app)

	status, answer := post(t, url+"/order", "application/json", twoBooks)
	require.Equal(t, 201, status)
	var got created
	require.NoError(t, json.Unmarshal([]byte(answer), &got))
	require.Equal(t, "created", got.Status)

	// A shutdown waits for both tasks.
	require.NoError(t, app.Shutdown(context.Background()))
	require.Equal(t, []string{"ada@example.org: We have your order " + got.OrderID}, inbox.mails)
	require.Equal(t, map[string]int{"book": 1}, stock.shelf)
}

func TestSoldOut(t *testing.T) {
	var inbox mailbox
	stock := newInventory(map[string]int{"book": 3})
	app := newApp(newShop(stock, inbox.send))
	url := serve(t, app)

	status, _ := post(t, url+"/order", "application/json", twoBooks)
	require.Equal(t, 201, status)
	status, answer := post(t, url+"/order", "application/json", twoBooks)
	require.Equal(t, 409, status)
	require.JSONEq(t, `{"title":"Conflict","status":409,"detail":"sold out"}`, answer)

	require.NoError(t, app.Shutdown(context.Background()))
	require.Len(t, inbox.mails, 1)
	require.Equal(t, map[string]int{"book": 1}, stock.shelf)
}

func TestMailIsTriedAgain(t *testing.T) {
	inbox := mailbox{errs: []error{errors.New("connection reset")}}
	app := newApp(newShop(newInventory(map[string]int{"book": 3}), inbox.send))
	url := serve(t, app)

	status, _ := post(t, url+"/order", "application/json", twoBooks)
	require.Equal(t, 201, status)

	require.NoError(t, app.Shutdown(context.Background()))
	require.Len(t, inbox.mails, 1)
	require.EqualValues(t, 1, app.Runner().Stats().Retried)
}

func TestMailToNobodyIsNotTriedAgain(t *testing.T) {
	inbox := mailbox{errs: []error{errNoSuchInbox}}
	app := newApp(newShop(newInventory(map[string]int{"book": 3}), inbox.send))
	url := serve(t, app)

	status, _ := post(t, url+"/order", "application/json", twoBooks)
	require.Equal(t, 201, status)

	require.NoError(t, app.Shutdown(context.Background()))
	require.Empty(t, inbox.mails)
	require.EqualValues(t, 1, app.Runner().Stats().Failed)
	require.Zero(t, app.Runner().Stats().Retried)
}

func TestAllFaultsAreTold(t *testing.T) {
	app := newApp(newShop(newInventory(nil), new(mailbox).send))
	url := serve(t, app)

	status, answer := post(t, url+"/order", "application/json", `{"email":"ada","items":[{"sku":"book","quantity":0}]}`)
	require.Equal(t, 422, status)
	require.Contains(t, answer, `{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"}`)
	require.Contains(t, answer, `{"in":"body","pointer":"#/items/0/quantity","code":"min","detail":"must be at least 1"}`)
}

func TestCustomersAreGreeted(t *testing.T) {
	var inbox mailbox
	s := newShop(newInventory(map[string]int{"book": 3}), inbox.send)
	s.customers = map[[sha256.Size]byte]customer{sha256.Sum256([]byte("secret")): {"Ada"}}
	app := newApp(s)
	url := serve(t, app)

	status, _ := postAs(t, "wrong", url+"/order", "application/json", twoBooks)
	require.Equal(t, 401, status)
	status, _ = postAs(t, "secret", url+"/order", "application/json", twoBooks)
	require.Equal(t, 201, status)

	require.NoError(t, app.Shutdown(context.Background()))
	require.Len(t, inbox.mails, 1)
	require.Contains(t, inbox.mails[0], "ada@example.org: Dear Ada! We have your order ")
}

func TestStock(t *testing.T) {
	app := newApp(newShop(newInventory(map[string]int{"book": 3}), new(mailbox).send))
	url := serve(t, app)
	for path, want := range map[string]string{
		"/stock/book": `{"sku":"book","free":3}`,
		"/stock/pen":  `{"title":"Not Found","status":404,"detail":"this is not for sale"}`,
	} {
		request, err := http.NewRequest(http.MethodGet, url+path, nil)
		require.NoError(t, err)
		_, answer := send(t, request)
		require.JSONEq(t, want, answer)
	}
}

// serve runs app on a free port until the test ends, and returns its URL.
func serve(t *testing.T, app *velithon.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}

// post sends body and returns the status and the body of the answer.
func post(t *testing.T, url, contentType, body string) (status int, answer string) {
	t.Helper()
	return postAs(t, "", url, contentType, body)
}

// postAs is post with a token.
func postAs(t *testing.T, token, url, contentType, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", contentType)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, request)
}

func send(t *testing.T, request *http.Request) (status int, answer string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections() // a shutdown would wait for another request
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}
