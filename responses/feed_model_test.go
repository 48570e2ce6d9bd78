package responses_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/responses"
)

// TestFeedDoesAsTheModel publishes, and has pages come, come again, be slow, recover,
// leave and lose their connection, in random order. The model keeps all events for ever,
// and what each page has to have seen after each step.
func TestFeedDoesAsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			m := &feedModel{keep: rapid.IntRange(1, 4).Draw(t, "keep")}
			m.feed = responses.NewFeed(responses.FeedOptions{Keep: m.keep})
			defer m.restart(t)
			t.Repeat(map[string]func(*rapid.T){
				"publish":    m.publish,
				"come":       m.come,
				"come again": m.comeAgain,
				"be slow":    m.beSlow,
				"recover":    m.recover,
				"leave":      m.leave,
				"be cut off": m.beCutOff,
				"restart":    m.restart,
				"":           m.check,
			})
		})
	})
}

type feedModel struct {
	feed    *responses.Feed
	keep    int
	process int      // how often there was a restart
	all     []string // that this process has published
	here    []*modelPage
	away    []*modelPage
}

// A modelPage is a page with what it must have seen.
type modelPage struct {
	*page
	past    []string // what it saw on earlier connections
	want    []string // what it must have seen on all
	process int      // whose events it knows
	known   int      // of these
	slow    bool     // takes nothing
	held    bool     // the next event is in the hands of the connection
	cut     bool     // the next event ends the connection
}

// catchUp is what a page sees that takes what it is sent.
func (m *feedModel) catchUp(p *modelPage) {
	missed := m.all[p.known:]
	if len(missed) > m.keep {
		missed = []string{responses.FeedReset}
	}
	p.want = append(p.want, missed...)
	p.known = len(m.all)
}

func (m *feedModel) publish(t *rapid.T) {
	name := rapid.SampledFrom([]string{"", "stock", "id: 7"}).Draw(t, "name")
	data := "#" + strconv.Itoa(len(m.all)) + rapid.SampledFrom([]string{"", " ", "\n", "\n\nid: 1\n\n"}).Draw(t, "data")
	require.NoError(t, m.feed.Publish(responses.Event{Name: name, Data: data}))
	synctest.Wait()
	m.all = append(m.all, name+data)
	for _, p := range slices.Clone(m.here) {
		switch {
		case p.cut:
			m.goAway(p)
		case p.slow:
			p.held = true
		default:
			m.catchUp(p)
		}
	}
}

func (m *feedModel) come(t *rapid.T) {
	p := &modelPage{page: follow(t, m.feed, ""), process: m.process, known: len(m.all)}
	m.here = append(m.here, p)
}

// comeAgain is a page that was here before.
func (m *feedModel) comeAgain(t *rapid.T) {
	p := m.pick(t, m.away, func(*modelPage) bool { return true })
	m.away = slices.DeleteFunc(m.away, func(q *modelPage) bool { return q == p })
	m.here = append(m.here, p)
	p.past = append(p.past, p.data()...)
	p.page = follow(t, m.feed, p.last())
	if p.process == m.process {
		m.catchUp(p)
		return
	}
	p.process, p.known = m.process, len(m.all)
	p.want = append(p.want, responses.FeedReset)
}

func (m *feedModel) beSlow(t *rapid.T) {
	p := m.pick(t, m.here, func(p *modelPage) bool { return !p.slow && !p.cut })
	p.slow = true
	p.set(true, false)
}

func (m *feedModel) recover(t *rapid.T) {
	p := m.pick(t, m.here, func(p *modelPage) bool { return p.slow })
	p.set(false, false)
	if p.held {
		p.want = append(p.want, m.all[p.known])
		p.known++
	}
	m.catchUp(p)
	p.slow, p.held = false, false
}

func (m *feedModel) leave(t *rapid.T) {
	p := m.pick(t, m.here, func(p *modelPage) bool { return !p.slow })
	p.stop()
	m.goAway(p)
}

// beCutOff loses what is on its way.
func (m *feedModel) beCutOff(t *rapid.T) {
	p := m.pick(t, m.here, func(p *modelPage) bool { return !p.cut })
	p.set(false, true)
	if p.held {
		m.goAway(p)
		return
	}
	p.slow, p.cut = false, true
}

// goAway waits for the end of a page's stream, whose goroutine then is no more.
func (m *feedModel) goAway(p *modelPage) {
	<-p.ended
	p.stop()
	p.slow, p.held, p.cut = false, false, false
	m.here = slices.DeleteFunc(m.here, func(q *modelPage) bool { return q == p })
	m.away = append(m.away, p)
}

// restart is another process in place of this one. What is on its way is lost.
func (m *feedModel) restart(*rapid.T) {
	for _, p := range slices.Clone(m.here) {
		p.set(false, p.slow || p.cut)
		p.stop()
		m.goAway(p)
	}
	m.process++
	m.all = nil
	m.feed = responses.NewFeed(responses.FeedOptions{Keep: m.keep})
}

func (m *feedModel) check(t *rapid.T) {
	synctest.Wait()
	for _, p := range slices.Concat(m.here, m.away) {
		require.Equal(t, p.want, append(slices.Clip(p.past), p.data()...))
	}
}

// pick draws one of the pages for which a step is possible.
func (*feedModel) pick(t *rapid.T, pages []*modelPage, can func(*modelPage) bool) *modelPage {
	pages = slices.DeleteFunc(slices.Clone(pages), func(p *modelPage) bool { return !can(p) })
	if len(pages) == 0 {
		t.Skip("there is no such page")
	}
	return rapid.SampledFrom(pages).Draw(t, "page")
}
