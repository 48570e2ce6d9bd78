package responses

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// FeedReset is the name of the event that tells a page that it may have missed some:
// it has to load anew what it shows. The feed sends it; nobody else may.
const FeedReset = "reset"

// FeedOptions are for [NewFeed]. The zero value has the defaults.
type FeedOptions struct {
	// Keep is how many events are kept for clients that connect again, and how far
	// one may be behind; 0 means 256. The events are kept as they are sent, so that
	// many large ones take much memory.
	Keep int
}

// A Feed sends the same events to all that follow it, such as the open pages of a
// site, and to each of them all in the same order, without a gap that it does not
// tell.
//
// Each event has an id. A client whose connection breaks names the last one it saw
// when it comes again (WHATWG HTML, section "Server-sent events"), and is sent those
// that came after it. Where these are not all kept any more it is sent an event
// named [FeedReset] instead, and then what comes from then on. So it is where its id
// is of another feed: that of another process, or of this service before it was
// started again, since ids begin with what is made at random for each feed. A client
// without an id is sent what comes from now on, and at once the id of the last event
// before that.
//
// A slow client holds up nobody. There is no queue for each: who falls behind by
// more than the events that are kept gets a FeedReset in place of those it has
// missed. One that takes nothing at all for its WriteTimeout is cut off.
//
// A feed has no goroutine and need not be closed. Its methods may be called by any
// number of goroutines.
type Feed struct {
	epoch string // what its ids begin with

	mu      sync.Mutex
	kept    [][]byte      // the last events, without their ids: number n is at (n-1) modulo the length
	last    uint64        // the number of the last event; 0 for none
	changed chan struct{} // closed by the next Publish; nil where nobody waits for it
}

// NewFeed returns a feed without events. It panics when an option is negative.
func NewFeed(options FeedOptions) *Feed {
	if options.Keep < 0 {
		panic("responses: FeedOptions.Keep is negative: use 0 for the default")
	}
	if options.Keep == 0 {
		options.Keep = 256
	}
	return &Feed{epoch: rand.Text()[:13], kept: make([][]byte, options.Keep)} // 65 bits
}

// Publish sends an event to all that follow the feed. It waits for none of them. The
// event's ID must be empty, and its Name not [FeedReset]. An event that
// [EventWriter.Send] would refuse is refused here, too; there are no other errors.
func (f *Feed) Publish(event Event) error {
	if event.ID != "" {
		return errors.New("responses: the feed makes the ids of its events: leave Event.ID empty")
	}
	if event.Name == FeedReset {
		return fmt.Errorf("responses: events named %q are those of the feed: choose another Event.Name", FeedReset)
	}
	encoded, err := event.append(make([]byte, 0, len(event.Name)+len(event.Data)+64)) // the names of its fields
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[f.last%uint64(len(f.kept))] = encoded
	f.last++
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
	return nil
}

// PublishJSON publishes an event whose data is v encoded as JSON. An empty name means
// "message".
func (f *Feed) PublishJSON(name string, v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	return f.Publish(Event{Name: name, Data: string(data)})
}

// Stream returns a response that follows the feed from now on. lastEventID is the
// request's header Last-Event-ID, "" where there is none. The stream ends without an
// error when ctx is done, which is the handler's and ends at a shutdown; the client
// comes again then, to another process.
func (f *Feed) Stream(ctx context.Context, lastEventID string) *EventStreamResponse {
	first := f.enter(lastEventID)
	return EventStream(func(events *EventWriter) error { return f.send(ctx, events, first) })
}

// A step is what a client is sent next.
type step struct {
	number  uint64          // of the event that the client then has seen last
	event   []byte          // without its id; nil for none
	changed <-chan struct{} // closed when there is more; nil where that may be asked at once
}

var (
	idAlone    = []byte("\n")
	resetEvent = []byte("event: " + FeedReset + "\ndata: \n\n")
)

// enter returns the first step of a client.
func (f *Feed) enter(lastEventID string) step {
	f.mu.Lock()
	defer f.mu.Unlock()
	if lastEventID == "" {
		return step{number: f.last, event: idAlone}
	}
	epoch, text, _ := strings.Cut(lastEventID, "-")
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || epoch != f.epoch || number > f.last {
		return step{number: f.last, event: resetEvent}
	}
	return step{number: number} // which may be too old, as next sees
}

// next returns what follows an event.
func (f *Feed) next(number uint64) step {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch behind, kept := f.last-number, uint64(len(f.kept)); {
	case behind > kept:
		return step{number: f.last, event: resetEvent}
	case behind > 0:
		return step{number: number + 1, event: f.kept[number%kept]}
	}
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return step{number: number, changed: f.changed}
}

// send sends to one client, all that there is together.
func (f *Feed) send(ctx context.Context, events *EventWriter, now step) error {
	prefix := []byte("id: " + f.epoch + "-")
	id := make([]byte, 0, len(prefix)+21) // the digits of any number, and the end of the line
	for ctx.Err() == nil {
		if now.event != nil {
			id = append(strconv.AppendUint(append(id[:0], prefix...), now.number, 10), '\n')
			if err := events.stream.writeBoth(id, now.event); err != nil {
				return err
			}
		}
		now = f.next(now.number)
		if now.changed == nil {
			continue
		}
		if err := events.stream.Flush(); err != nil {
			return err
		}
		select {
		case <-now.changed:
		case <-events.gone:
			return events.stream.Flush() // has the error
		case <-ctx.Done():
		}
	}
	return nil
}
