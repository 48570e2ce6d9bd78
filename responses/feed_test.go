package responses_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/responses"
)

// publish publishes data in a bubble, and waits until each has taken it that does.
func publish(t require.TestingT, feed *responses.Feed, data ...string) {
	for _, d := range data {
		require.NoError(t, feed.Publish(responses.Event{Data: d}))
	}
	synctest.Wait()
}

func TestFeedOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := responses.NewFeed(responses.FeedOptions{})
		p := follow(t, feed, "")
		defer p.close()
		synctest.Wait()
		epoch, number, _ := strings.Cut(p.last(), "-")
		assert.Regexp(t, `^[A-Z2-7]{13}$`, epoch)
		assert.Equal(t, "0", number)
		assert.Equal(t, "id: "+epoch+"-0\n\n", p.sent(), "the place to come back to, before there is an event")

		require.NoError(t, feed.PublishJSON("order", map[string]int{"id": 7}))
		require.NoError(t, feed.Publish(responses.Event{Data: "a\nb", Retry: time.Second}))
		synctest.Wait()
		assert.Equal(t, "id: "+epoch+"-0\n\n"+
			"id: "+epoch+"-1\nevent: order\ndata: {\"id\":7}\n\n"+
			"id: "+epoch+"-2\nretry: 1000\ndata: a\ndata: b\n\n", p.sent())

		time.Sleep(15 * time.Second)
		synctest.Wait()
		assert.True(t, strings.HasSuffix(p.sent(), "b\n\n:\n\n"), "a heartbeat")
	})
}

func TestFeedGoesOnBehindTheLastEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := responses.NewFeed(responses.FeedOptions{Keep: 3})
		publish(t, feed, "1")
		p := follow(t, feed, "")
		synctest.Wait()
		p.close()
		epoch, _, _ := strings.Cut(p.last(), "-")
		publish(t, feed, "2", "3", "4")
		for _, test := range []struct {
			id   string
			want []string
		}{
			{p.last(), []string{"2", "3", "4"}},
			{epoch + "-3", []string{"4"}},
			{epoch + "-4", nil},
			{epoch + "-0", []string{"reset"}}, // the first is no longer kept
			{epoch + "-5", []string{"reset"}}, // there is none
			{epoch + "-18446744073709551615", []string{"reset"}},
			{epoch + "-18446744073709551616", []string{"reset"}},
			{epoch + "--1", []string{"reset"}},
			{epoch + "-", []string{"reset"}},
			{epoch, []string{"reset"}},
			{"-4", []string{"reset"}},
			{"4", []string{"reset"}},
			{strings.ToLower(epoch) + "-4", []string{"reset"}},
			{strings.Repeat("é", 4000), []string{"reset"}},
			{"", nil},
		} {
			p := follow(t, feed, test.id)
			synctest.Wait()
			assert.Equal(t, test.want, p.data(), "%.40s", test.id)
			p.close()
			assert.Equal(t, epoch+"-4", p.last(), "%.40s", test.id)
		}
	})
}

// Numbers are compared without one that is too large coming around to a small one.
func TestFeedIDsAreNotNegative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := responses.NewFeed(responses.FeedOptions{})
		publish(t, feed, "1")
		p := follow(t, feed, "")
		synctest.Wait()
		p.close()
		epoch, _, _ := strings.Cut(p.last(), "-")
		p = follow(t, feed, epoch+"-18446744073709551615")
		synctest.Wait()
		assert.Equal(t, []string{"reset"}, p.data())
		p.close()
	})
}

// Two feeds, as of two processes, take no id of each other for theirs.
func TestFeedsDifferByTheirIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		older := responses.NewFeed(responses.FeedOptions{})
		p := follow(t, older, "")
		publish(t, older, "1")
		p.close()
		feed := responses.NewFeed(responses.FeedOptions{})
		publish(t, feed, "one", "two")
		p = follow(t, feed, p.last())
		publish(t, feed, "three")
		assert.Equal(t, []string{"reset", "three"}, p.data())
		p.close()
	})
}

// A page that was slow gets what is kept, or is told that it has missed some, and the
// memory for it does not grow.
func TestSlowPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := responses.NewFeed(responses.FeedOptions{Keep: 3})
		p, quick := follow(t, feed, ""), follow(t, feed, "")
		synctest.Wait()
		p.set(true, false)
		publish(t, feed, "1")           // in its hands
		publish(t, feed, "2", "3", "4") // as many as are kept
		assert.Equal(t, []string{"1", "2", "3", "4"}, quick.data())
		p.set(false, false)
		synctest.Wait()
		assert.Equal(t, []string{"1", "2", "3", "4"}, p.data())

		p.set(true, false)
		publish(t, feed, "5")
		publish(t, feed, "6", "7", "8", "9") // one more
		p.set(false, false)
		synctest.Wait()
		publish(t, feed, "10")
		assert.Equal(t, []string{"1", "2", "3", "4", "5", "reset", "10"}, p.data())
		assert.Equal(t, quick.last(), p.last())
		p.close()
		quick.close()
	})
}

// A page that is gone is found out by the next event or heartbeat, and nothing is left.
func TestPagesThatAreGone(t *testing.T) {
	for name, find := range map[string]func(*testing.T, *responses.Feed){
		"event":     func(t *testing.T, feed *responses.Feed) { publish(t, feed, "1") },
		"heartbeat": func(*testing.T, *responses.Feed) { time.Sleep(15 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				feed := responses.NewFeed(responses.FeedOptions{})
				p := follow(t, feed, "")
				synctest.Wait()
				p.set(false, true)
				find(t, feed)
				<-p.ended // its context lives
				require.ErrorIs(t, p.err, errPageGone)
				p.stop()
			})
		})
	}
}

func TestAFeedEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := responses.NewFeed(responses.FeedOptions{})
		p := follow(t, feed, "")
		publish(t, feed, "1")
		p.stop()
		<-p.ended
		require.NoError(t, p.err, "an end that the client does not take for a failure")
		assert.Equal(t, []string{"1"}, p.data())
	})
}

func TestFeedRefusals(t *testing.T) {
	feed := responses.NewFeed(responses.FeedOptions{})
	for _, test := range []struct {
		event responses.Event
		want  string
	}{
		{responses.Event{ID: "7", Data: "x"}, "responses: the feed makes the ids of its events: leave Event.ID empty"},
		{responses.Event{Name: "reset"}, `responses: events named "reset" are those of the feed: choose another Event.Name`},
		{responses.Event{}, "responses: event is empty"},
		{responses.Event{Name: "a\nb"}, "responses: event name holds a line break or NUL"},
		{responses.Event{Data: "x", Retry: -1}, "responses: event retry of -1ns is negative"},
	} {
		assert.EqualError(t, feed.Publish(test.event), test.want)
	}
	assert.Error(t, feed.PublishJSON("x", make(chan int)))
	assert.Error(t, feed.PublishJSON("reset", 1))
	synctest.Test(t, func(t *testing.T) {
		p := follow(t, feed, "")
		synctest.Wait()
		assert.True(t, strings.HasSuffix(p.last(), "-0"), "what is refused takes no number")
		p.close()
	})
	assert.PanicsWithValue(t, "responses: FeedOptions.Keep is negative: use 0 for the default", func() {
		responses.NewFeed(responses.FeedOptions{Keep: -1})
	})
}

func TestFeedKeepsByDefault256(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := responses.NewFeed(responses.FeedOptions{})
		first := follow(t, feed, "")
		synctest.Wait()
		first.close()
		for range 256 {
			publish(t, feed, "x")
		}
		p := follow(t, feed, first.last())
		synctest.Wait()
		assert.Len(t, p.data(), 256)
		p.close()
		publish(t, feed, "x")
		p = follow(t, feed, first.last())
		synctest.Wait()
		assert.Equal(t, []string{"reset"}, p.data())
		p.close()
	})
}

// Published by many at the same time, while pages come, stumble and go: each page sees the
// events in one order, whole, and without a gap but behind a reset.
func TestFeedOfManyGoroutines(t *testing.T) {
	const publishers, each = 4, 500
	feed := responses.NewFeed(responses.FeedOptions{Keep: 64})
	var group sync.WaitGroup
	pages := make([]*page, 16)
	for i := range pages {
		pages[i] = follow(t, feed, "")
	}
	for n := range publishers {
		group.Go(func() {
			for i := range each {
				assert.NoError(t, feed.Publish(responses.Event{Name: strconv.Itoa(n), Data: strconv.Itoa(i)}))
			}
		})
	}
	for i, p := range pages {
		group.Go(func() {
			for round := range 20 {
				p.set((i+round)%2 == 0, false)
			}
			p.set(false, false)
		})
	}
	group.Wait()
	for _, p := range pages {
		p.await("-" + strconv.Itoa(publishers*each))
		p.close()
		checkOrder(t, p)
	}
}

// checkOrder checks by their numbers which events a page saw.
func checkOrder(t *testing.T, p *page) {
	at, next := 0, map[string]int{}
	for _, event := range p.seen {
		_, text, _ := strings.Cut(event.ID, "-")
		number, err := strconv.Atoi(text)
		require.NoError(t, err)
		if event.Name == "reset" {
			require.Greater(t, number, at+64, "more was missed than is kept")
		} else {
			require.Equal(t, at+1, number)
			i, err := strconv.Atoi(event.Data)
			require.NoError(t, err)
			require.GreaterOrEqual(t, i, next[event.Name], "those of one publisher are in its order")
			next[event.Name] = i + 1
		}
		at = number
	}
}
