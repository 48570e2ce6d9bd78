package responses_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// BenchmarkFeed publishes an event, and waits until all who follow the feed have sent it.
// Its writes cost nothing.
func BenchmarkFeed(b *testing.B) {
	event := responses.Event{Name: "stock", Data: `{"sku":"pencil","left":42}`}
	for _, followers := range []int{0, 1, 100, 10_000} {
		b.Run(fmt.Sprintf("followers=%d", followers), func(b *testing.B) {
			feed := responses.NewFeed(responses.FeedOptions{})
			ctx, cancel := context.WithCancel(b.Context())
			var sent, ended sync.WaitGroup
			sent.Add(followers) // of the first id
			for range followers {
				ended.Go(func() {
					raw := new(fasthttp.RequestCtx)
					raw.Init(new(fasthttp.Request), nil, nil)
					if feed.Stream(ctx, "").Write(raw) == nil {
						_, _ = raw.Response.BodyStream().(io.WriterTo).WriteTo(counter{&sent})
					}
				})
			}
			sent.Wait()
			b.ReportAllocs()
			for b.Loop() {
				sent.Add(followers)
				require.NoError(b, feed.Publish(event))
				sent.Wait()
			}
			cancel()
			ended.Wait()
		})
	}
}

// A counter counts chunks, one for each event.
type counter struct{ sent *sync.WaitGroup }

func (c counter) Write(p []byte) (int, error) {
	c.sent.Done()
	return len(p), nil
}
