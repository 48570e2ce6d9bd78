package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/velithontest"
)

func TestAnEmptyPageSaysWhatToDo(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		assert.Equal(t, 308, d.get("/admin").status)
		assert.Equal(t, "./admin/", d.get("/admin").header.Get("Location"))
		assert.Contains(t, words(d.page("/admin/")), "No work is known yet.")
		for _, state := range []string{"", "running", "waiting", "limited", "scheduled", "retrying", "failed", "succeeded"} {
			assert.Contains(t, d.page("/admin/tasks?state="+state), `<div class="empty">`, state)
		}
		assert.Contains(t, words(d.page("/admin/tasks?kind=mail")), "No such task matches the filter.")
		assert.Equal(t, 404, d.get("/admin/task?id=none").status)
	})
}

// A page may be below parameters, at the root, and beside another one: what it leads to is
// where the client has found it.
func TestWhereAPageIsMounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, log: &records{}, release: make(chan struct{})}
		d.app = velithon.New(velithon.Options{})
		d.kit = velithontest.New(t, d.app)
		runner := dashboard.Runner(d.app.Runner())
		for _, r := range []dashboard.Router{d.app, d.app.Group("/shops/{shop}"), d.app.Group("/shops/{shop}/jobs"), d.app.Group("/über uns")} {
			dashboard.Mount(r, runner, dashboard.Options{Acts: true})
		}
		d.submit(d.held("held").Task(1))
		defer d.end()
		for _, base := range []string{"", "/shops/ada", "/shops/a%20b:c%3F", "/shops/ada/jobs", "/%C3%BCber%20uns"} {
			if base != "" {
				a := d.get(base)
				require.Equal(t, 308, a.status, base)
				to, err := url.Parse("http://localhost" + base)
				require.NoError(t, err)
				to, err = to.Parse(a.header.Get("Location"))
				require.NoError(t, err)
				assert.Equal(t, base+"/", to.EscapedPath())
			}
			assert.Contains(t, words(d.page(base+"/")), "Running 1 of ", base)
			verb := "pause"
			if len(d.app.Runner().PausedKinds()) > 0 {
				verb = "resume"
			}
			form := forms(d.page(base + "/tasks?kind=held"))[verb].Encode()
			a := d.send("POST", base+"/act", strings.NewReader(form), "Content-Type: application/x-www-form-urlencoded")
			assert.Equal(t, 303, a.status, base)
			assert.Equal(t, 200, d.get(base+"/"+a.header.Get("Location")).status, base)
		}
	})
	app := velithon.New(velithon.Options{})
	defer end(t, app)
	dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{})
	assert.Panics(t, func() {
		dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{})
	}, "there is a page")
}

// One task in each state, on the overview and in the lists.
func TestStates(t *testing.T) {
	atDesk(t, dashboard.Options{Title: "Shop"}, background.RunnerOptions{Workers: 2}, func(d *desk) {
		held := d.held("held", background.Followed())
		limited := d.held("limited", background.Followed(), background.NewLimit(background.LimitOptions{Concurrent: 1, PerSecond: 100}))
		failing := background.Define("failing", func(_ context.Context, again bool) error {
			if again {
				return errors.New("not yet")
			}
			panic("never")
		}, background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour}, background.Followed())
		d.submit(failing.Task(true).Named("again"), failing.Task(false).Named("lost"))
		d.submit(limited.Task(1).Named("first"), limited.Task(2).Named("second"))
		d.submit(held.Task(1).Named("other"), held.Task(2).Named("third"), held.Task(3).Named("later").After(time.Hour))

		overview := words(d.page("/admin/"))
		for _, want := range []string{
			"Shop", "Running 2 of 2 workers", "Waiting 1 ", "Parked 1 ", "Scheduled 1 ", "To be retried 1 ", "Failed since the start 1 ",
			"A shutdown of this process would wait for 5 at most, and give up 1 that are due later.", "failing 0 0 0 0 1 1", "held 1 1 0 1 0 0", "limited 1 0 1 0 0 0",
		} {
			assert.Contains(t, overview, want)
		}
		for state, want := range map[string][]string{
			"running":   {`first running \d+ s ago – limited 1 of 1`, `other running \d+ s ago – held 1 of 1`},
			"waiting":   {`third waiting \d+ s ago waits for a worker, and all 2 are busy held 0 of 1`},
			"limited":   {`second parked \d+ s ago waits for its limit: 1 at once, 100 a second limited 0 of 1`},
			"scheduled": {`later scheduled \d+ s ago waits for its time held 0 of 1 in 5\d min`},
			"retrying":  {`again to be retried \d+ s ago waits for its next attempt not yet failing 1 of 2`},
			"failed":    {`lost failed \d+ s ago panic: never failing 1 `},
			"succeeded": {"No task that has succeeded is known."},
			"":          {"first", "second", "third", "other", "later", "again"},
		} {
			page := words(d.page("/admin/tasks?state=" + state))
			for _, w := range want {
				assert.Regexp(t, w, page, "state %q", state)
				assert.NotContains(t, page, "background: task", "the name is there already")
			}
		}
		assert.Contains(t, words(d.page("/admin/tasks?kind=held")), "third")
		assert.NotContains(t, words(d.page("/admin/tasks?kind=held")), "second")
		assert.Contains(t, words(d.page("/admin/tasks?state=failed&kind=failing")), "lost failed ")
		assert.NotContains(t, words(d.page("/admin/tasks?state=failed&kind=held")), "lost")
		d.end()
		assert.Contains(t, words(d.page("/admin/tasks?state=succeeded&kind=limited")), "first succeeded 1 s ago – limited 1 of 1")
	})
}

// Those that run are in the order in which they have begun, at each look, and in front of the others.
func TestTheOrderOfTasks(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{Workers: 20}, func(d *desk) {
		held := d.held("held")
		var names []string
		for i := range 22 {
			names = append(names, fmt.Sprintf("task%02d", i))
			d.submit(held.Task(i).Named(names[i]))
			time.Sleep(2 * time.Millisecond)
		}
		name := regexp.MustCompile(`task\d\d`)
		for range 3 {
			assert.Equal(t, names[:20], name.FindAllString(words(d.page("/admin/tasks?state=running")), -1))
			assert.Equal(t, names, name.FindAllString(words(d.page("/admin/tasks")), -1))
			assert.Equal(t, names[:5], name.FindAllString(words(d.page("/admin/")), -1))
		}
		assert.Equal(t, 404, d.get("/admin/tasks?state=none").status)
	})
}

// A task comes from a request, by which it is found.
func TestWhatHasCausedATask(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{Workers: 1}, func(d *desk) {
		held := d.held("mail", background.Followed(), background.ShowArgument())
		d.app.Post("/orders/{id}", func(_ context.Context, _ struct {
			ID string `path:"id"`
		},
		) (responses.TextResponse, error) {
			r := responses.Text("ordered")
			r.Background = held.Task(7)
			return r, nil
		})
		require.Equal(t, 200, d.send("POST", "/orders/1", nil, "X-Request-Id: r1").status)
		synctest.Wait() // its task has the worker now
		require.Equal(t, 200, d.send("POST", "/orders/2", nil, "X-Request-Id: r2").status)
		synctest.Wait()
		page := words(d.page("/admin/tasks?request=r2"))
		assert.Contains(t, page, "POST /orders/{id} r2")
		assert.NotContains(t, page, "r1")
		var id string
		for info := range d.app.Runner().Tasks(background.Waiting) {
			id = info.ID
		}
		task := words(d.page("/admin/task?id=" + id))
		for _, want := range []string{"Name mail", "Id " + id, "State waiting", "waits for a worker, and all 1 are busy", "Route POST /orders/{id}", "Request r2", "Argument 7", "No failure of it is known."} {
			assert.Contains(t, task, want)
		}
	})
}

// Of the tasks that run the overview names those that have run longest.
func TestRunningLongest(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{Workers: 10}, func(d *desk) {
		held := d.held("held")
		for i := range 7 {
			d.submit(held.Task(i).Named(fmt.Sprint("task ", i)))
			time.Sleep(time.Minute)
		}
		assert.Regexp(t, `Running longest .* task 0 held 1 of 1 7 min ago – task 1 .* task 2 .* task 3 .* task 4 held 1 of 1 3 min ago – Kinds`, words(d.page("/admin/")))
	})
}

// Since when a task without a kind runs is not known, and not made up.
func TestTasksThatAreNotTimed(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		d.submit(background.Func("plain", func(context.Context) error { <-d.release; return nil }), d.held("held").Task(1))
		page := words(d.page("/admin/tasks?state=running"))
		assert.Contains(t, page, "plain running accepted 1 s ago – – 1 of 1")
		assert.Contains(t, page, "held running 1 s ago – held 1 of 1")
		assert.Contains(t, words(d.page("/admin/")), "plain (no kind) 1 of 1 accepted 2 s ago")
	})
}

// A task that runs without a handle can be looked at as long as it does, and no longer.
func TestATaskThatRunsWithoutAHandle(t *testing.T) {
	atDesk(t, dashboard.Options{Acts: true}, background.RunnerOptions{}, func(d *desk) {
		held := d.held("stuck", background.ShowArgument(), background.Retry{Attempts: 3})
		d.app.Post("/orders/{id}", func(_ context.Context, _ struct {
			ID string `path:"id"`
		},
		) (responses.TextResponse, error) {
			r := responses.Text("ordered")
			tasks := &background.Tasks{}
			tasks.Add(held.Task(7), background.Func("other", func(context.Context) error { <-d.release; return nil }))
			r.Background = tasks
			return r, nil
		})
		require.Equal(t, 200, d.send("POST", "/orders/1", nil, "X-Request-Id: r1").status)
		require.Equal(t, 200, d.send("POST", "/orders/2", nil, "X-Request-Id: r2").status)
		synctest.Wait()
		list := d.page("/admin/tasks?request=r2")
		links := regexp.MustCompile(`href="(task\?id=running-[^"]*)"`).FindAllStringSubmatch(list, -1)
		require.Len(t, links, 2)
		assert.Empty(t, forms(d.page("/admin/"+links[0][1])))
		var pages string
		for _, l := range links {
			pages += words(d.page("/admin/" + l[1]))
		}
		for _, want := range []string{"Name stuck", "State running", "Attempts 1 of 3", "Route POST /orders/{id}", "Request r2", "Argument 7", "Name other", "Attempts 1 "} {
			assert.Contains(t, pages, want)
		}
		assert.NotContains(t, pages, "r1")
		d.end()
		assert.Equal(t, 404, d.get("/admin/"+links[0][1]).status)
	})
}

// Where a task with a handle came from is known after its end, too.
func TestWhatHasCausedATaskThatHasSucceeded(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		kind := background.Define("mail", func(context.Context, int) error { return nil }, background.Followed())
		d.app.Post("/orders", func(context.Context, struct{}) (responses.TextResponse, error) {
			r := responses.Text("ordered")
			r.Background = kind.Task(7)
			return r, nil
		})
		require.Equal(t, 200, d.send("POST", "/orders", nil, "X-Request-Id: r1").status)
		synctest.Wait()
		assert.Contains(t, words(d.page("/admin/tasks?state=succeeded&request=r1")), "mail succeeded 1 s ago – mail 1 of 1")
		task := words(d.page("/admin/task?id=" + d.app.Runner().Handles()[0].ID()))
		for _, want := range []string{"State succeeded", "Route POST /orders", "Request r1", "Attempts 1 of 1"} {
			assert.Contains(t, task, want)
		}
	})
}

func TestOneTask(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		r := d.app.Runner()
		kind := background.Define("kind", func(ctx context.Context, _ string) error {
			background.Progress(ctx, map[string]int{"percent": 40})
			if background.Attempt(ctx) == 1 {
				return errors.New("first trouble")
			}
			panic("second trouble")
		}, background.Retry{Attempts: 2, Backoff: 1}, background.Followed())
		d.submit(kind.Task("a person's data"))
		page := d.page("/admin/task?id=" + r.Handles()[0].ID())
		for _, want := range []string{
			"State failed", `Progress {&#34;percent&#34;:40}`, "not shown", "Attempt 2, ", "panic: second trouble", "dashboard_test.go", "Attempt 1, ", "first trouble",
		} {
			assert.Contains(t, words(page), want)
		}
		assert.NotContains(t, page, "a person's data")

		d.submit(background.Func("plain", func(context.Context) error { return errors.New("third trouble") }))
		assert.Contains(t, d.page("/admin/tasks?state=failed"), "failure-3")
		assert.Contains(t, words(d.page("/admin/task?id=failure-3")), "third trouble")
	})
}

// An attempt at a stored task comes from the request that is stored with it.
func TestWhatHasCausedAStoredTask(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		origin := &background.Origin{Values: map[string]string{background.RequestID: "r1", background.RequestRoute: "POST /orders/{id}"}}
		failing := background.Define("mail", func(context.Context, int) error { return errors.New("no") })
		require.NoError(t, d.app.Runner().Submit(context.WithValue(d.Context(), background.OriginKey{}, origin), failing.Task(1)))
		synctest.Wait()
		assert.Contains(t, words(d.page("/admin/tasks?state=failed&request=r1")), "mail 1 – POST /orders/{id} r1")
	})
}

type rude struct{}

func (rude) MarshalJSON() ([]byte, error) { panic("on purpose") }

// Whatever a task says of itself, its page is shown, and the process goes on.
func TestProgressThatIsNoJSON(t *testing.T) {
	round := map[string]any{}
	round["round"] = round
	for want, value := range map[string]any{
		"a map[string]interface {} that is no JSON": round, "a float64 that is no JSON": math.NaN(), "a value whose methods panic": rude{}, "7 of 9": "7 of 9",
	} {
		atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
			d.submit(background.Define("kind", func(ctx context.Context, _ int) error {
				background.Progress(ctx, value)
				<-d.release
				return nil
			}, background.Followed()).Task(1))
			assert.Contains(t, words(d.page("/admin/task?id="+d.app.Runner().Handles()[0].ID())), want)
		})
	}
}

// However many wait, a page has so many of them, and leads to the next.
func TestLongListsHavePages(t *testing.T) {
	const n = 65_536
	atDesk(t, dashboard.Options{}, background.RunnerOptions{Workers: 1}, func(d *desk) {
		held := d.held("held")
		for i := range n {
			require.NoError(t, d.app.Runner().Submit(t.Context(), held.Task(i).Named(fmt.Sprint("task ", i))))
		}
		synctest.Wait()
		first := d.page("/admin/tasks?state=waiting")
		assert.Less(t, len(first), 100<<10)
		assert.Equal(t, 100, strings.Count(first, `<th scope="row">`))
		assert.Contains(t, first, "task 1<")
		assert.Contains(t, first, "task 100<")
		assert.NotContains(t, first, "task 101<")
		assert.Contains(t, first, `href="tasks?after=100&amp;state=waiting" rel="next"`)
		assert.NotContains(t, first, "First page")
		second := d.page("/admin/tasks?after=100&state=waiting")
		assert.Contains(t, second, "task 101<")
		assert.Contains(t, second, `href="tasks?after=200&amp;state=waiting"`)
		assert.Contains(t, second, `<a href="tasks?state=waiting">First page</a>`)
		last := d.page(fmt.Sprintf("/admin/tasks?after=%d&state=waiting", n-36))
		assert.Equal(t, 35, strings.Count(last, `<th scope="row">`))
		assert.NotContains(t, last, `rel="next"`)
		for _, odd := range []string{"-5", "x", "99999999999999999999", "1e9"} {
			assert.Equal(t, 200, d.get("/admin/tasks?after="+odd).status, odd)
		}
		assert.Contains(t, words(d.page("/admin/")), "Waiting 65 535")
	})
}

func TestFilesArePartOfThePage(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		page := d.get("/admin/")
		assert.Equal(t, "no-store", page.header.Get("Cache-Control"))
		policy := page.header.Get("Content-Security-Policy")
		assert.NotContains(t, policy, "unsafe")
		assert.Contains(t, policy, "default-src 'none'")
		assert.Contains(t, policy, "frame-ancestors 'none'")
		assert.Contains(t, policy, "form-action 'self'")
		assert.Contains(t, policy, "base-uri 'none'")
		assert.Equal(t, "DENY", page.header.Get("X-Frame-Options"))
		assert.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"))
		assert.Equal(t, "same-origin", page.header.Get("Referrer-Policy"), "with no-referrer forms have the origin null")
		assert.NotContains(t, page.text, "style=", "the policy would forbid it")
		assert.NotContains(t, page.text, "://", "nothing is from elsewhere")
		for name, kind := range map[string]string{"style": "text/css; charset=utf-8", "script": "text/javascript; charset=utf-8", "icon": "image/svg+xml"} {
			_, rest, ok := strings.Cut(page.text, `"`+name+`-`)
			require.True(t, ok, name)
			file, _, _ := strings.Cut(rest, `"`)
			a := d.get("/admin/" + name + "-" + file)
			assert.Equal(t, 200, a.status)
			assert.Equal(t, kind, a.header.Get("Content-Type"))
			assert.Contains(t, a.header.Get("Cache-Control"), "immutable")
			assert.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		}
	})
}
