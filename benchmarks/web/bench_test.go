//go:build unix

package web_test

import (
	"testing"

	"github.com/velithon-go/velithon/benchmarks/harness"
	"github.com/velithon-go/velithon/benchmarks/web"
)

// Benchmark times every item on every peer. Its names are made for benchstat:
//
//	go test -bench . -count 10 ./web | benchstat -row /item,/layer -col /peer -
//
// which runs the peers one after the other; cmd/run takes them in turns.
func Benchmark(b *testing.B) {
	for _, item := range web.Items() {
		b.Run("item="+item.Name, func(b *testing.B) {
			b.Run("layer=handler", func(b *testing.B) { perPeer(b, item, benchmarkHandler) })
			b.Run("layer=pipe", func(b *testing.B) { perPeer(b, item, benchmarkPipe) })
		})
	}
}

func perPeer(b *testing.B, item web.Item, benchmark func(*testing.B, web.Item, web.Peer)) {
	for _, peer := range web.Peers() {
		b.Run("peer="+peer.Name, func(b *testing.B) { benchmark(b, item, peer) })
	}
}

func benchmarkHandler(b *testing.B, item web.Item, peer web.Peer) {
	shop := web.NewShop()
	server := peer.New(shop)
	defer func() { _ = server.Close() }()
	call := server.NewCall(item.Request)
	measure(b, item, shop, func() (int, []byte, error) {
		call.Do()
		status, body := call.Response()
		return status, body, nil
	})
}

func benchmarkPipe(b *testing.B, item web.Item, peer web.Peer) {
	shop := web.NewShop()
	client, stop, err := web.Pipe(peer.New(shop))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = stop() }()
	request := item.Request.Bytes()
	measure(b, item, shop, func() (int, []byte, error) {
		response, err := client.Do(request)
		return response.Status, response.Body, err
	})
}

// measure checks the first answer, and times the others together with the
// background work that they start, up to the end of the last task. (A loop over
// b.N: b.Loop would stop the clock before that.)
func measure(b *testing.B, item web.Item, shop *web.Shop, answer func() (int, []byte, error)) {
	status, body, err := answer()
	if err == nil {
		err = item.Check(status, body)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	before := harness.ProcessorTime()
	b.ResetTimer()
	for range b.N {
		if status, _, err := answer(); err != nil || status != item.Status {
			b.Fatal(status, err)
		}
	}
	if !shop.Await(item.Tasks * (b.N + 1)) {
		b.Fatal("background tasks did not end")
	}
	b.StopTimer() // before the server is closed
	b.ReportMetric(float64(harness.ProcessorTime()-before)/float64(b.N), "cpu-ns/op")
}
