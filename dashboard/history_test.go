package dashboard_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
)

// Samples are taken while nobody looks, and end with the runner.
func TestRatesAndPlots(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		quick := background.Define("quick", func(context.Context, int) error { time.Sleep(3 * time.Millisecond); return nil })
		slow := background.Define("slow", func(context.Context, int) error { time.Sleep(90 * time.Second); return nil })
		time.Sleep(time.Second / 2) // so that no sample is taken at the same time
		d.submit(slow.Task(1))
		for range 600 { // of which the first ten are too long ago to be plotted
			d.submit(quick.Task(1), quick.Task(2))
			time.Sleep(time.Second)
		}
		page := d.get("/admin/").text
		text := words(page)
		for _, want := range []string{
			"In per second last minute 2 ", "Out per second last minute 2 ", "Failed per second last minute 0 ", "Duration p50 / p99, at most 4.09 ms / 4.09 ms",
			"quick 0 0 0 0 0 0 2 2 1 µs / 1 µs 4.09 ms / 4.09 ms", "slow 0 0 0 0 0 0 0 0 – –",
		} {
			assert.Contains(t, text, want)
		}
		assert.Contains(t, page, `aria-label="In per second: 2 now, at most 2 in the last five minutes"`)
		points := regexp.MustCompile(`<polyline points="([^"]*)"`).FindStringSubmatch(page)[1]
		assert.InDelta(t, 61, len(strings.Fields(points)), 1)
		assert.True(t, strings.HasSuffix(points, "240.0,46.0 "), "nothing waits now: %s", points)

		time.Sleep(2 * time.Minute)
		text = words(d.page("/admin/"))
		assert.Contains(t, text, "In per second last minute 0 Out per second last minute 0 Failed per second last minute 0 ")
		assert.Contains(t, text, "In per second 0 now, at most 2")
		time.Sleep(5 * time.Minute)
		text = words(d.page("/admin/"))
		assert.Equal(t, 61, dashboard.Samples(d.app.Router))
		assert.Contains(t, text, "In per second 0 now, at most 0")
		assert.Contains(t, text, "Duration p50 / p99, at most –", "none has ended lately")
	})
}

// An engine that has begun to count anew, as after a restart, shows as nothing, and not as a flood.
func TestASourceThatCountsAnew(t *testing.T) {
	f := newFake("plain")
	counts := func(n uint64) {
		numbers := dashboard.Numbers{Succeeded: n, Failed: n}
		numbers.Waits.Counts[3], numbers.Durations.Counts[3] = n, n
		f.overview = dashboard.Overview{Numbers: numbers, Accepted: 2 * n, Kinds: []dashboard.Kind{{Name: "kind", Numbers: numbers}}}
	}
	atFake(t, f, func(d *desk) {
		counts(1000)
		d.page("/admin/")
		time.Sleep(10 * time.Second)
		counts(10)
		text := words(d.page("/admin/"))
		for _, want := range []string{"In per second last minute 0 Out per second last minute 0 Failed per second last minute 0 Wait p50 / p99, at most – Duration p50 / p99, at most – ", "kind 0 0 0 0 0 10 0 0 – – "} {
			assert.Contains(t, text, want)
		}
	})
}

// A source that is not cheap is asked when somebody looks.
func TestOtherSourcesAreAskedWhenSomebodyLooks(t *testing.T) {
	f := newFake("plain")
	atFake(t, f, func(d *desk) {
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Zero(t, f.asked.Load())
		d.page("/admin/")
		require.Equal(t, 200, d.get("/admin/").status)
		require.Equal(t, 200, d.get("/admin/").status)
		assert.EqualValues(t, 1, f.asked.Load())
	})
}

func TestTimesAndNumbers(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", time.Microsecond: "1 µs", 1500 * time.Nanosecond: "1.5 µs", 999 * time.Microsecond: "999 µs", time.Millisecond: "1 ms",
		32768 * time.Microsecond: "32.7 ms", 999900 * time.Microsecond: "999 ms", time.Second: "1 s", 33554 * time.Millisecond: "33.5 s",
		time.Minute: "1 min", 61 * time.Minute: "1 h 1 min", 47 * time.Hour: "47 h 0 min", 50 * time.Hour: "2 days",
	} {
		assert.Equal(t, want, dashboard.Took(d), d)
	}
	synctest.Test(t, func(t *testing.T) {
		assert.Equal(t, "–", dashboard.Ago(time.Time{}))
		assert.Equal(t, "0 s ago", dashboard.Ago(time.Now()))
		assert.Equal(t, "7 s ago", dashboard.Ago(time.Now().Add(-7*time.Second-time.Millisecond)))
		assert.Equal(t, "in 1 s", dashboard.Ago(time.Now().Add(time.Millisecond)))
		assert.Equal(t, "in 5 min", dashboard.Ago(time.Now().Add(5*time.Minute)))
	})
	for number, want := range map[any]string{
		0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", uint64(65_536): "65\u202f536",
		0.5: "0.50", 2.0: "2", 0.126: "0.13", 12_345.6: "12\u202f346",
	} {
		assert.Equal(t, want, dashboard.Number(number))
	}
}

// What is shown of a text is UTF-8, prints, and is no longer than it may be.
func TestCleanTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "a text") {
			text = rapid.String().Draw(t, "text")
		}
		most := rapid.IntRange(1, 60).Draw(t, "most")
		cut := dashboard.Cut(text, most)
		if len(text) <= most {
			assert.Equal(t, text, cut)
		} else {
			assert.True(t, strings.HasPrefix(text, strings.TrimSuffix(cut, "…")))
			assert.LessOrEqual(t, len(cut), most+len("…"))
			assert.Equal(t, utf8.ValidString(text), utf8.ValidString(cut) && utf8.ValidString(text), "no character is cut in two")
		}
		clean := dashboard.Clean(text, most)
		assert.True(t, utf8.ValidString(clean))
		for _, r := range clean {
			assert.False(t, r < ' ' && r != '\n' && r != '\t' || r == 0x7f || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069, "%q", clean)
		}
	})
	for _, text := range []string{"naïve, ünïcode ✓ 日本", "山田\u3000太郎", "10\u00a0000\u202f€", "a\tb\nc"} {
		assert.Equal(t, text, dashboard.Clean(text, 100))
	}
}
