package dashboard_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/velithontest"
)

func TestActs(t *testing.T) {
	options := dashboard.Options{Acts: true, Actor: func(context.Context) string { return "ada" }}
	atDesk(t, options, background.RunnerOptions{Workers: 1}, func(d *desk) {
		r := d.app.Runner()
		held := d.held("held", background.Followed())
		failing := background.Define("failing", func(context.Context, int) error { return errors.New("no") },
			background.Retry{Attempts: 3, Backoff: time.Hour, MaxBackoff: time.Hour}, background.Followed())
		id := func(name string) string {
			for _, h := range r.Handles() {
				if h.Info().Name == name {
					return h.ID()
				}
			}
			t.Fatal("no task ", name)
			return ""
		}
		do := func(verb, page string) {
			t.Helper()
			found := forms(d.page(page))
			require.Contains(t, found, verb, page)
			a := d.post(found[verb])
			require.Equal(t, 303, a.status, a.text)
			synctest.Wait()
			assert.Equal(t, 200, d.get("/admin/"+a.header.Get("Location")).status)
		}
		d.submit(failing.Task(1).Named("again"))
		d.submit(held.Task(1).Named("running"), held.Task(2).Named("waiting"), held.Task(3).Named("scheduled").After(time.Hour))

		do("retry", "/admin/task?id="+id("again")) // which waits for the worker now
		do("discard", "/admin/task?id="+id("waiting"))
		do("discard", "/admin/task?id="+id("scheduled"))
		do("pause", "/admin/tasks?kind=failing")
		assert.Equal(t, []string{"failing"}, r.PausedKinds())
		do("cancel", "/admin/task?id="+id("running"))
		for name, want := range map[string]background.State{"running": background.Canceled, "waiting": background.Canceled, "scheduled": background.Canceled, "again": background.Limited} {
			h, _ := r.Lookup(id(name))
			assert.Equal(t, want, h.State(), name)
		}
		assert.Contains(t, words(d.page("/admin/task?id="+id("again"))), "parked for 1 s : waits, since its kind is paused")
		assert.Contains(t, words(d.page("/admin/")), "failing paused")
		do("resume", "/admin/tasks?kind=failing")
		h, _ := r.Lookup(id("again"))
		assert.Equal(t, background.Retrying, h.State())
		assert.Equal(t, 2, h.Info().Attempt)

		var told []string
		for _, record := range d.log.of(t, "an act on background work") {
			assert.Equal(t, "ada", record["by"])
			if record["kind"] != nil {
				assert.Equal(t, "failing", record["kind"])
			} else {
				assert.NotEmpty(t, record["id"])
			}
			told = append(told, record["act"].(string))
		}
		assert.Equal(t, []string{"retry", "discard", "discard", "pause", "cancel", "resume"}, told)
	})
}

// Who discards what waits does not want to end what has begun meanwhile.
func TestATaskThatBeginsIsNotDiscarded(t *testing.T) {
	atDesk(t, dashboard.Options{Acts: true}, background.RunnerOptions{Workers: 1}, func(d *desk) {
		first := make(chan struct{})
		d.submit(background.Func("first", func(context.Context) error { <-first; return nil }), d.held("held", background.Followed()).Task(1))
		h := d.app.Runner().Handles()[0]
		form := forms(d.page("/admin/task?id=" + h.ID()))["discard"]
		close(first)
		synctest.Wait()
		a := d.post(form)
		assert.Equal(t, 409, a.status)
		assert.Contains(t, a.text, "state is running by now")
		synctest.Wait()
		assert.Equal(t, background.Running, h.State())
	})
}

// What was done is said once: not by a link that somebody has made, nor by a page that is
// loaded again.
func TestWhatWasDoneIsSaidOnce(t *testing.T) {
	atDesk(t, dashboard.Options{Acts: true}, background.RunnerOptions{}, func(d *desk) {
		d.submit(d.held("held").Task(1))
		const said = "The kind is paused: none of its tasks starts."
		form := forms(d.page("/admin/tasks?kind=held"))["pause"]
		to := "/admin/" + d.post(form).header.Get("Location")
		assert.NotContains(t, d.get(strings.Replace(to, "kind=held", "kind=other", 1)).text, said)
		assert.NotContains(t, d.get(strings.Replace(to, "done=pause", "done=resume", 1)).text, "The kind goes on.")
		assert.Contains(t, d.get(to).text, said)
		assert.NotContains(t, d.get(to).text, said)
		assert.NotContains(t, d.get("/admin/tasks?kind=held&done=pause").text, said)
		assert.Contains(t, d.page("/admin/tasks?kind=held"), "This kind is paused", "as long as it is")
		form.Set("verb", "done pause")
		form.Set("token", to[strings.Index(to, "&token=")+len("&token="):])
		assert.Equal(t, 403, d.post(form).status, "it is no form")
	})
}

// A task that was told to end, and does not, is seen, with who has told it.
func TestATaskThatDoesNotEnd(t *testing.T) {
	options := dashboard.Options{Acts: true, Actor: func(context.Context) string { return "ada" }}
	atDesk(t, options, background.RunnerOptions{}, func(d *desk) {
		d.submit(background.Define("deaf", func(context.Context, int) error { <-d.release; return errors.New("late") }, background.Followed()).Task(1))
		path := "/admin/task?id=" + d.app.Runner().Handles()[0].ID()
		require.Equal(t, 303, d.post(forms(d.page(path))["cancel"]).status)
		for _, page := range []string{path, "/admin/tasks?state=running"} {
			assert.Contains(t, words(d.page(page)), "was told to end: background: task cancelled: by ada on the page of background work", page)
		}
		assert.Empty(t, forms(d.page(path)))
	})
}

// Who is refused is led back to what it was about, where the form is a new one.
func TestTheWayBackFromARefusal(t *testing.T) {
	atDesk(t, dashboard.Options{Acts: true}, background.RunnerOptions{}, func(d *desk) {
		d.submit(d.held("a & b", background.Followed()).Task(1))
		form := forms(d.page("/admin/tasks?kind=a+%26+b"))["pause"]
		require.Equal(t, 303, d.post(form).status)
		a := d.post(form)
		assert.Contains(t, a.text, "This form was sent before: load the page again.")
		assert.Contains(t, a.text, `<a href="tasks?kind=a&#43;%26&#43;b">Back</a>`)
		form = forms(d.page("/admin/task?id=" + d.app.Runner().Handles()[0].ID()))["cancel"]
		form.Set("token", "")
		assert.Contains(t, d.post(form).text, `<a href="task?id=`+d.app.Runner().Handles()[0].ID()+`">Back</a>`)
		assert.Contains(t, d.post(nil).text, `<a href="./">To the overview</a>`)
	})
}

// Who cancels an attempt that runs does not want to discard the task, which waits by then.
func TestATaskThatWaitsIsNotCancelled(t *testing.T) {
	atDesk(t, dashboard.Options{Acts: true}, background.RunnerOptions{}, func(d *desk) {
		fail := make(chan struct{})
		d.submit(background.Define("failing", func(context.Context, int) error { <-fail; return errors.New("not yet") },
			background.Retry{Attempts: 2, Backoff: time.Hour, MaxBackoff: time.Hour}, background.Followed()).Task(1))
		h := d.app.Runner().Handles()[0]
		form := forms(d.page("/admin/task?id=" + h.ID()))["cancel"]
		close(fail)
		synctest.Wait()
		a := d.post(form)
		assert.Equal(t, 409, a.status)
		assert.Contains(t, a.text, "state is to be retried by now", "as pages call it")
		assert.Equal(t, background.Retrying, h.State())
	})
}

// What an act has changed is seen at once.
func TestAnActIsSeenAtOnce(t *testing.T) {
	atDesk(t, dashboard.Options{Acts: true}, background.RunnerOptions{}, func(d *desk) {
		d.submit(d.held("held").Task(1))
		form := forms(d.page("/admin/tasks?kind=held"))["pause"]
		assert.NotContains(t, words(d.page("/admin/")), "held paused")
		require.Equal(t, 303, d.post(form).status)
		assert.Contains(t, words(d.get("/admin/").text), "held paused")
	})
}

// A page that is for reading has no forms, and no way to act.
func TestReadOnly(t *testing.T) {
	atDesk(t, dashboard.Options{}, background.RunnerOptions{}, func(d *desk) {
		d.submit(d.held("held", background.Followed()).Task(1))
		id := d.app.Runner().Handles()[0].ID()
		for _, page := range []string{"/admin/", "/admin/tasks?kind=held", "/admin/task?id=" + id} {
			assert.NotContains(t, d.page(page), `method="post"`, page)
		}
		assert.Equal(t, 404, d.post(url.Values{"verb": {"cancel"}, "id": {id}}).status)
		assert.Equal(t, background.Running, d.app.Runner().Handles()[0].State())
	})
}

func coded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// What is not a form of the page's own, sent once, in time, by who has got it, does nothing.
func TestActsThatAreRefused(t *testing.T) {
	who := "ada"
	options := dashboard.Options{Acts: true, Actor: func(context.Context) string { return who }}
	atDesk(t, options, background.RunnerOptions{Workers: 2}, func(d *desk) {
		r := d.app.Runner()
		d.submit(d.held("held", background.Followed()).Task(1), d.held("other", background.Followed()).Task(2))
		handles := r.Handles()
		id, other := handles[0].ID(), handles[1].ID()
		form := func() url.Values { return forms(d.page("/admin/task?id=" + id))["cancel"] }
		changed := func(name, value string) url.Values {
			f := maps.Clone(form())
			f.Set(name, value)
			return f
		}
		refused := func(why string, status int, a answer) {
			t.Helper()
			assert.Equal(t, status, a.status, why)
			for _, h := range r.Handles() {
				assert.Equal(t, background.Running, h.State(), why)
			}
			assert.Empty(t, r.PausedKinds(), why)
		}
		token := []byte(form().Get("token"))
		token[0] ^= 1
		refused("no base64", 403, d.post(changed("id", "?")))
		refused("another task", 403, d.post(changed("id", coded(other))))
		refused("another act", 403, d.post(changed("verb", "discard")))
		refused("a kind's act", 403, d.post(changed("verb", "pause")))
		refused("with a kind", 403, d.post(changed("kind", coded("held"))))
		f := maps.Clone(form())
		f.Set("id", coded(id[:len(id)-1]))
		f.Set("kind", coded(id[len(id)-1:]))
		refused("the same texts, cut elsewhere", 403, d.post(f))
		refused("no verb", 403, d.post(changed("verb", "")))
		refused("no token", 403, d.post(changed("token", "")))
		refused("a forged token", 403, d.post(changed("token", string(token))))
		refused("what is no token", 403, d.post(changed("token", "<script>")))
		refused("a cross-site form", 403, d.post(form(), "Sec-Fetch-Site: cross-site"))
		records := d.log.of(t, "an act on background work was refused")
		last := records[len(records)-1]
		assert.Equal(t, "a page of another origin has sent this form", last["error"])
		assert.Equal(t, []any{"ada", "cancel", id}, []any{last["by"], last["act"], last["id"]})
		refused("a same-site form", 403, d.post(form(), "Sec-Fetch-Site: same-site"))
		refused("an old browser's", 403, d.post(form(), "Sec-Fetch-Site: ", "Origin: https://evil.example"))
		refused("by an address", 405, d.get("/admin/act?"+form().Encode()))
		f = form()
		who = "eve"
		refused("another's form", 403, d.post(f))
		who = "ada"
		f = form()
		time.Sleep(time.Hour)
		refused("an old form", 403, d.post(f))
		refused("long texts", 403, d.post(url.Values{"verb": {strings.Repeat("v", 2000)}, "id": {coded(strings.Repeat("i", 2000))}, "kind": {coded("\x1b[31m" + strings.Repeat("k", 2000))}}))
		for _, record := range d.log.of(t, "an act on background work was refused") {
			for _, name := range []string{"act", "id", "kind"} {
				text, _ := record[name].(string)
				assert.Less(t, len(text), 300, name)
				assert.NotContains(t, text, "\x1b", name)
			}
		}
		refused("a large form", 413, d.post(changed("token", string(make([]byte, 20<<10)))))
		assert.Empty(t, d.log.of(t, "an act on background work"))
		assert.NotEmpty(t, d.log.of(t, "an act on background work was refused"))

		f = form()
		assert.Equal(t, 303, d.post(f).status)
		synctest.Wait()
		a := d.post(f)
		assert.Equal(t, 403, a.status, "a replayed form")
		assert.Contains(t, a.text, "sent before")
		h, _ := r.Lookup(id)
		assert.Equal(t, background.Canceled, h.State())
	})
}

// Who acts is whom the provider has let in, and their forms are good for nobody else.
func TestActsOfOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, log: &records{}, release: make(chan struct{})}
		d.app = velithon.New(velithon.Options{})
		check := middleware.Passwords(map[operator]string{"ada": "a long password", "eve": "another password"})
		admin := d.app.Group("/admin")
		routing.Provide(admin, middleware.BasicAuth(check), routing.Secured(routing.Basic("password")))
		dashboard.MountFor(admin, dashboard.Runner(d.app.Runner()), dashboard.Options{Acts: true, Logger: logTo(d.log)}, func(o operator) string { return string(o) })
		d.kit = velithontest.New(t, d.app)
		defer d.end()
		as := func(name, password string) string {
			return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
		}
		ada, eve := as("ada", "a long password"), as("eve", "another password")
		d.submit(d.held("held").Task(1))
		time.Sleep(time.Second) // what was made before the task is too old
		form := forms(d.get("/admin/tasks?kind=held", ada).text)["pause"]
		require.NotEmpty(t, form)
		assert.Equal(t, 401, d.post(form).status)
		assert.Equal(t, 403, d.post(form, eve).status)
		assert.Empty(t, d.app.Runner().PausedKinds())
		assert.Equal(t, 303, d.post(form, ada).status)
		assert.Equal(t, []string{"held"}, d.app.Runner().PausedKinds())
		assert.Equal(t, "eve", d.log.of(t, "an act on background work was refused")[0]["by"])
		assert.Equal(t, "ada", d.log.of(t, "an act on background work")[0]["by"])
	})
}

// A form whose time has gone by is answered with what has become of the task.
func TestActsThatComeTooLate(t *testing.T) {
	atDesk(t, dashboard.Options{Acts: true}, background.RunnerOptions{Keep: time.Minute}, func(d *desk) {
		d.submit(d.held("held", background.Followed()).Task(1))
		h := d.app.Runner().Handles()[0]
		first, second := forms(d.page("/admin/task?id=" + h.ID()))["cancel"], forms(d.page("/admin/task?id=" + h.ID()))["cancel"]
		d.end()
		a := d.post(first)
		assert.Equal(t, 409, a.status)
		assert.Contains(t, a.text, "state is succeeded by now")
		time.Sleep(time.Minute)
		assert.Equal(t, 404, d.post(second).status)
		require.Len(t, d.log.of(t, "an act on background work was refused"), 2)
		assert.Equal(t, "127.0.0.1", d.log.of(t, "an act on background work was refused")[0]["by"])
	})
}

// Processes that share a secret take each other's forms; others don't.
func TestFormsOfOtherProcesses(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	for name, test := range map[string]struct {
		secret []byte
		status int
	}{"shared": {secret, 303}, "another": {[]byte("another secret of another process"), 403}, "none": {nil, 403}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := newDesk(t, dashboard.Options{Acts: true, Secret: secret}, background.RunnerOptions{})
				second := newDesk(t, dashboard.Options{Acts: true, Secret: test.secret}, background.RunnerOptions{})
				first.submit(first.held("held").Task(1))
				form := forms(first.page("/admin/tasks?kind=held"))["pause"]
				assert.Equal(t, test.status, second.post(form).status)
			})
		})
	}
	assert.PanicsWithValue(t, "dashboard: Options.Secret has 5 bytes, it needs 32 random ones or more", func() {
		app := velithon.New(velithon.Options{})
		dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{Secret: []byte("short")})
	})
}

// The tokens that were used are kept as long as they could be used again, so many of them and
// no more, and none is forgotten before.
func TestTokensThatWereUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 100_000
		token, redeem, used := dashboard.NewForms()
		act := dashboard.Act{Verb: dashboard.Cancel, ID: "1"}
		first := token(act, "ada")
		require.NoError(t, redeem(first, act, "ada"))
		for range most - 1 {
			require.NoError(t, redeem(token(act, "ada"), act, "ada"))
		}
		require.EqualError(t, redeem(token(act, "ada"), act, "ada"), "too many acts within an hour")
		require.EqualError(t, redeem(first, act, "ada"), "this form was sent before: load the page again")
		assert.Equal(t, most, used())
		time.Sleep(time.Hour)
		require.NoError(t, redeem(token(act, "ada"), act, "ada"))
		assert.Equal(t, 1, used())
		require.EqualError(t, redeem(first, act, "ada"), "this form is too old: load the page again")
	})
}
