package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/velithontest"
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

var twoBooks = order{Email: "ada@example.org", Items: []item{{"book", 2}}}

func TestOrder(t *testing.T) {
	var inbox mailbox
	stock := newInventory(map[string]int{"book": 3})
	kit := velithontest.New(t, newApp(newShop(stock, inbox.send)))

	answer := velithontest.Post[created](kit, "/order", twoBooks)
	require.Equal(t, 201, answer.Status)
	require.Equal(t, "created", answer.Body.Status)

	require.Len(t, kit.Wait(), 2)
	require.Equal(t, []string{"ada@example.org: We have your order " + answer.Body.OrderID}, inbox.mails)
	require.Equal(t, map[string]int{"book": 1}, stock.shelf)
}

// The answer does not wait for the tasks.
func TestOrderIsAnsweredBeforeItsMail(t *testing.T) {
	var inbox mailbox
	stock := newInventory(map[string]int{"book": 3})
	kit := velithontest.New(t, newApp(newShop(stock, inbox.send)))
	kit.Hold()
	require.Equal(t, 201, velithontest.Post[created](kit, "/order", twoBooks).Status)
	require.ElementsMatch(t, []string{"send confirmation", "update inventory"}, kit.Held())
	require.Empty(t, inbox.mails)

	require.NoError(t, kit.Step("send confirmation").Err)
	require.Len(t, inbox.mails, 1)
	require.Equal(t, 3, stock.shelf["book"])

	require.NoError(t, kit.Step("update inventory").Err)
	require.Equal(t, 1, stock.shelf["book"])
}

func TestSoldOut(t *testing.T) {
	var inbox mailbox
	stock := newInventory(map[string]int{"book": 3})
	kit := velithontest.New(t, newApp(newShop(stock, inbox.send)))

	require.Equal(t, 201, velithontest.Post[created](kit, "/order", twoBooks).Status)
	answer := velithontest.Post[created](kit, "/order", twoBooks)
	require.Equal(t, 409, answer.Status)
	require.Equal(t, "sold out", answer.Problem.Detail)

	require.Len(t, kit.Wait(), 2)
	require.Len(t, inbox.mails, 1)
	require.Equal(t, map[string]int{"book": 1}, stock.shelf)
}

// In a bubble the time between two attempts takes none.
func TestMailIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection reset")
		inbox := mailbox{errs: []error{broken}}
		kit := velithontest.New(t, newApp(newShop(newInventory(map[string]int{"book": 3}), inbox.send)))
		kit.Hold()
		require.Equal(t, 201, velithontest.Post[created](kit, "/order", twoBooks).Status)
		require.Equal(t, velithontest.Outcome{Task: "send confirmation", Attempt: 1, Err: broken}, kit.Step("send confirmation"))
		require.Equal(t, velithontest.Outcome{Task: "send confirmation", Attempt: 2}, kit.Step("send confirmation"))
		require.Len(t, inbox.mails, 1)
	})
}

func TestMailToNobodyIsNotTriedAgain(t *testing.T) {
	inbox := mailbox{errs: []error{errNoSuchInbox}}
	kit := velithontest.New(t, newApp(newShop(newInventory(map[string]int{"book": 3}), inbox.send)))
	kit.Hold()
	require.Equal(t, 201, velithontest.Post[created](kit, "/order", twoBooks).Status)
	require.ErrorIs(t, kit.Step("send confirmation").Err, errNoSuchInbox)
	kit.Release()
	require.Len(t, kit.Wait(), 2, "the other task, and no further attempt")
	require.Empty(t, inbox.mails)
}

func TestAllFaultsAreTold(t *testing.T) {
	kit := velithontest.New(t, newApp(newShop(newInventory(nil), new(mailbox).send)))
	answer := velithontest.Post[created](kit, "/order", order{Email: "ada", Items: []item{{"book", 0}}})
	require.Equal(t, 422, answer.Status)
	require.Equal(t, []params.Fault{
		{In: "body", Pointer: "#/email", Code: "email", Detail: "must be an e-mail address"},
		{In: "body", Pointer: "#/items/0/quantity", Code: "min", Detail: "must be at least 1"},
	}, answer.Problem.Errors)
}

func TestCustomersAreGreeted(t *testing.T) {
	var inbox mailbox
	s := newShop(newInventory(map[string]int{"book": 3}), inbox.send)
	s.customers = map[[sha256.Size]byte]customer{sha256.Sum256([]byte("secret")): {"Ada"}}
	kit := velithontest.New(t, newApp(s))

	require.Equal(t, 401, velithontest.Post[created](kit, "/order", twoBooks, "Authorization: Bearer wrong").Status)
	require.Equal(t, 201, velithontest.Post[created](kit, "/order", twoBooks, "Authorization: Bearer secret").Status)

	require.Len(t, kit.Wait(), 2)
	require.Len(t, inbox.mails, 1)
	require.Contains(t, inbox.mails[0], "ada@example.org: Dear Ada! We have your order ")
}

func TestStock(t *testing.T) {
	kit := velithontest.New(t, newApp(newShop(newInventory(map[string]int{"book": 3}), new(mailbox).send)))
	require.Equal(t, stock{"book", 3}, velithontest.Get[stock](kit, "/stock/book").Body)
	answer := velithontest.Get[stock](kit, "/stock/pen")
	require.Equal(t, 404, answer.Status)
	require.Equal(t, "this is not for sale", answer.Problem.Detail)
}
