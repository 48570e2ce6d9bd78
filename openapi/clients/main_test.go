package main

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// service returns the URL of a running example order, and the token of a customer.
func service(t *testing.T) (url, token string) {
	t.Helper()
	url, token = os.Getenv("VELITHON_SHOP"), os.Getenv("ADA")
	if url == "" || token == "" {
		t.Skip("VELITHON_SHOP, the URL of a running example order, and ADA, its token, are not set: bash .ci/clients")
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return url, token
}

func TestGuestsAndCustomersOrder(t *testing.T) {
	url, token := service(t)
	for _, token := range []string{"", token} {
		client, err := connect(url, token)
		require.NoError(t, err)
		id, err := place(t.Context(), client, "pencil", 1)
		require.NoError(t, err)
		assert.Len(t, id, 26)
	}
}

func TestRefusedOrders(t *testing.T) {
	url, token := service(t)
	client, err := connect(url, token)
	require.NoError(t, err)

	_, err = place(t.Context(), client, "pencil", 10_000)
	require.ErrorIs(t, err, errSoldOut)
	_, err = place(t.Context(), client, "", 0)
	require.EqualError(t, err, "#/items/0/sku: must have at least 1 character\n#/items/0/quantity: must be at least 1")

	stranger, err := connect(url, "wrong")
	require.NoError(t, err)
	_, err = place(t.Context(), stranger, "pencil", 1)
	require.EqualError(t, err, "the shop answers 401 Unauthorized")
}

func TestStock(t *testing.T) {
	url, token := service(t)
	client, err := connect(url, token)
	require.NoError(t, err)

	answer, err := client.StockWithResponse(t.Context(), "book")
	require.NoError(t, err)
	require.NotNil(t, answer.JSON200)
	assert.Equal(t, "book", answer.JSON200.Sku)
	assert.EqualValues(t, 3, answer.JSON200.Free)

	answer, err = client.StockWithResponse(t.Context(), "b c?d") // a path parameter is escaped
	require.NoError(t, err)
	require.NotNil(t, answer.ApplicationProblemJSON404)
	assert.EqualValues(t, http.StatusNotFound, answer.ApplicationProblemJSON404.Status)
	assert.Equal(t, "this is not for sale", *answer.ApplicationProblemJSON404.Detail)
}
