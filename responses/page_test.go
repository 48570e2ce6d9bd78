package responses_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

var errPageGone = errors.New("the page is gone")

// A page reads an event stream as a browser does: it knows the last id, and drops
// comments. It may be slow, which is that it takes nothing, or be gone.
type page struct {
	stop  context.CancelFunc // of the handler's context, as at a shutdown
	ended chan struct{}      // closed when the stream has ended
	err   error              // then: how

	mu       sync.Mutex // guards what follows
	change   sync.Cond
	slow     bool
	gone     bool
	text     strings.Builder // all that it was sent
	rest     string          // what is not a whole event yet
	comments int
	lastID   string
	seen     []responses.Event
}

// open has a page read what stream returns for the page's context.
func open(t require.TestingT, stream func(context.Context) *responses.EventStreamResponse) *page {
	return openWith(t, "", stream)
}

func openWith(t require.TestingT, lastEventID string, stream func(context.Context) *responses.EventStreamResponse) *page {
	ctx, stop := context.WithCancel(context.Background())
	p := &page{stop: stop, ended: make(chan struct{}), lastID: lastEventID}
	p.change.L = &p.mu
	raw := new(fasthttp.RequestCtx)
	raw.Init(new(fasthttp.Request), nil, nil)
	require.NoError(t, stream(ctx).Write(raw))
	body := raw.Response.BodyStream()
	go func() {
		defer close(p.ended)
		_, p.err = body.(io.WriterTo).WriteTo(p)
	}()
	return p
}

// follow opens a page that follows a feed, and knows an id.
func follow(t require.TestingT, feed *responses.Feed, lastEventID string) *page {
	return openWith(t, lastEventID, func(ctx context.Context) *responses.EventStreamResponse { return feed.Stream(ctx, lastEventID) })
}

// Write takes what the service sends.
func (p *page) Write(sent []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.slow && !p.gone {
		p.change.Wait()
	}
	if p.gone {
		return 0, errPageGone
	}
	p.text.Write(sent)
	p.rest += string(sent)
	for {
		block, rest, found := strings.Cut(p.rest, "\n\n")
		if !found {
			return len(sent), nil
		}
		p.rest = rest
		p.take(block + "\n\n")
	}
}

func (p *page) take(block string) {
	if strings.HasPrefix(block, ":") {
		p.comments++
		return
	}
	event, _ := readEvent(block)
	if event.ID != "" {
		p.lastID = event.ID
	}
	if strings.HasPrefix(block, "data:") || strings.Contains(block, "\ndata:") {
		p.seen = append(p.seen, event)
		p.change.Broadcast()
	}
}

func (p *page) set(slow, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow, p.gone = slow, gone
	p.change.Broadcast()
}

// close ends the stream as a shutdown does, and waits for that.
func (p *page) close() {
	p.set(false, false)
	p.stop()
	<-p.ended
}

// sent is all that the page was sent.
func (p *page) sent() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *page) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lastID
}

// await waits until the last id has an ending.
func (p *page) await(ending string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !strings.HasSuffix(p.lastID, ending) {
		p.change.Wait()
	}
}

// data is that of the events which the page saw.
func (p *page) data() (data []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, event := range p.seen {
		data = append(data, event.Name+event.Data)
	}
	return data
}
