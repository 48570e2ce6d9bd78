package web_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/benchmarks/web"
	"github.com/velithon-go/velithon/benchmarks/wire"
)

// rounds is how often each request is sent: what is left over of one request
// must not change the answer to the next.
const rounds = 3

// everyAnswer checks the answers to all requests, the last first as well.
func everyAnswer(t *testing.T, shop *web.Shop, answer func(web.Item) (status int, body []byte)) {
	t.Helper()
	items := append(web.Items(), web.Controls()...)
	want := shop.Tasks()
	for range rounds {
		for i := range items {
			for _, item := range []web.Item{items[i], items[len(items)-1-i]} {
				status, body := answer(item)
				assert.NoError(t, item.Check(status, body))
				want += item.Tasks
			}
		}
	}
	assert.True(t, shop.Await(want), "only %d of %d tasks ran", shop.Tasks(), want)
	assert.Equal(t, want, shop.Tasks())
}

func TestHandlersAnswerAlike(t *testing.T) {
	for _, peer := range web.Peers() {
		t.Run(peer.Name, func(t *testing.T) {
			shop := web.NewShop()
			server := peer.New(shop)
			defer func() { assert.NoError(t, server.Close()) }()
			calls := make(map[string]web.Call)
			everyAnswer(t, shop, func(item web.Item) (int, []byte) {
				if calls[item.Name] == nil {
					calls[item.Name] = server.NewCall(item.Request)
				}
				call := calls[item.Name]
				call.Do()
				return call.Response()
			})
		})
	}
}

func TestServersAnswerAlike(t *testing.T) {
	layers := map[string]func(web.Server) (*wire.Client, func() error, error){"pipe": web.Pipe, "sockets": web.Socket}
	for layer, connect := range layers {
		for _, peer := range web.Peers() {
			t.Run(layer+"/"+peer.Name, func(t *testing.T) {
				shop := web.NewShop()
				client, stop, err := connect(peer.New(shop))
				require.NoError(t, err)
				defer func() { assert.NoError(t, stop()) }()
				everyAnswer(t, shop, func(item web.Item) (int, []byte) {
					response, err := client.Do(item.Request.Bytes())
					require.NoError(t, err, item.Name)
					return response.Status, response.Body
				})
			})
		}
	}
}

func TestNamesFitBenchstat(t *testing.T) {
	seen := make(map[string]bool)
	for _, peer := range web.Peers() {
		assert.Regexp(t, "^[a-z-]+$", peer.Name)
		assert.False(t, seen[peer.Name], peer.Name)
		seen[peer.Name] = true
	}
	for _, item := range web.Items() {
		assert.Regexp(t, "^[a-z]+$", item.Name)
	}
}
