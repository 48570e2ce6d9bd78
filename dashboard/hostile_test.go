package dashboard_test

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/velithontest"
)

// fake is work that a test makes up.
type fake struct {
	overview dashboard.Overview
	tasks    dashboard.Tasks
	task     dashboard.Task
	asked    atomic.Int64 // how often for the overview
	err      error
}

func (f *fake) Overview(context.Context) (dashboard.Overview, error) {
	f.asked.Add(1)
	return f.overview, f.err
}

func (f *fake) Tasks(context.Context, dashboard.Filter) (dashboard.Tasks, error) {
	return f.tasks, f.err
}

func (f *fake) Task(context.Context, string) (dashboard.Task, error) { return f.task, f.err }

func (f *fake) Do(context.Context, dashboard.Act) error { return &dashboard.ActError{Why: f.task.Name} }

// newFake returns work in which each text is this one.
func newFake(text string) *fake {
	f := new(fake)
	now := time.Now()
	row := dashboard.TaskRow{State: background.Failed, Since: now, Due: now}
	setTexts(reflect.ValueOf(&row).Elem(), text)
	f.task = dashboard.Task{TaskRow: row, Failures: []dashboard.Failure{{Attempt: 1, At: now}}, Acts: []dashboard.Verb{dashboard.Cancel}}
	setTexts(reflect.ValueOf(&f.task).Elem(), text)
	setTexts(reflect.ValueOf(&f.task.Failures[0]).Elem(), text)
	waits := row
	waits.Error = ""
	f.tasks = dashboard.Tasks{Rows: []dashboard.TaskRow{row, waits}, Next: text}
	f.overview = dashboard.Overview{Accepted: 1, Kept: text, Longest: []dashboard.TaskRow{row}, Kinds: []dashboard.Kind{{Name: text, Paused: true, Acts: []dashboard.Verb{dashboard.Pause}}}}
	return f
}

// setTexts sets the fields of a struct that are texts.
func setTexts(v reflect.Value, text string) {
	for _, field := range v.Fields() {
		if field.Type() == reflect.TypeFor[string]() {
			field.SetString(text)
		}
	}
}

func atFake(t *testing.T, source dashboard.Source, f func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, log: &records{}, release: make(chan struct{})}
		d.app = velithon.New(velithon.Options{})
		dashboard.Mount(d.app.Group("/admin"), source, dashboard.Options{Acts: true, Logger: logTo(d.log)})
		d.kit = velithontest.New(t, d.app)
		f(d)
	})
}

var (
	tagName   = regexp.MustCompile(`<(/?\w+|!)`)
	attribute = regexp.MustCompile(`<[^>]*>`)
	equals    = regexp.MustCompile(`([\w-]+)="[^"]*"`)
)

// skeleton returns the tags of a page, with the names of their attributes.
func skeleton(page string) (all []string) {
	for _, tag := range attribute.FindAllString(page, -1) {
		all = append(all, equals.ReplaceAllString(tag, "$1"))
	}
	return append(all, tagName.FindAllString(page, -1)...)
}

var hostile = map[string]string{
	"an element":       `<script>alert(1)</script><img src=x onerror=alert(1)>`,
	"the end of a tag": `"><script>alert(1)</script>`,
	"a single quote":   `' onmouseover='alert(1)`,
	"an address":       `javascript:alert(1)`,
	"a comment":        `<!-- --> ]]> </textarea></pre></title>`,
	"a template":       `{{.}} ${x} %3Cscript%3E`,
	"not UTF-8":        "a\xff\xfe\xc0\x80<b>\x00",
	"control":          "a\x1b[31m\r\nSet-Cookie: x=y\u202eb\u2066\u200b",
	"lines of events":  "\n\nevent: gone\ndata: gone\n\n",
	"a megabyte":       strings.Repeat("<b>&\"'é", 1<<17),
}

// Texts of others change nothing but what is read.
func TestHostileTexts(t *testing.T) {
	paths := func(text string) map[string]string {
		q := url.QueryEscape(text[:min(len(text), 240)])
		return map[string]string{
			"overview": "/admin/?done=" + q, "tasks": "/admin/tasks?kind=" + q + "&request=" + q + "&after=" + q + "&done=" + q + "&token=" + q, "task": "/admin/task?id=" + q + "&done=" + q,
		}
	}
	for what, text := range hostile {
		t.Run(what, func(t *testing.T) {
			plain := strings.Repeat("a", len(text))
			want := make(map[string][]string)
			atFake(t, newFake(plain), func(d *desk) {
				for name, path := range paths(plain) {
					want[name] = skeleton(d.page(path))
				}
			})
			atFake(t, newFake(text), func(d *desk) {
				for name, path := range paths(text) {
					a := d.get(path)
					if a.status >= 400 && a.status < 500 { // the address was no UTF-8
						assert.Equal(t, "not UTF-8", what)
						a = d.get(paths(plain)[name])
					}
					require.Equal(t, 200, a.status, a.text)
					page := a.text
					if utf8.ValidString(text) {
						assert.Equal(t, want[name], skeleton(page), name)
					} else { // it can't be linked to
						assert.Subset(t, want[name], skeleton(page), name)
						assert.NotContains(t, page, "%FF", name)
					}
					assert.True(t, utf8.ValidString(page), name)
					assert.Less(t, len(page), 500<<10, name)
					for _, bad := range []string{"<script>alert", "<img src=x", "<b>", "\x00", "\x1b", "\u202e", "\u2066", "\u200b", `href="javascript`, "\r"} {
						assert.NotContains(t, page, bad, name)
					}
					assert.Empty(t, a.header.Get("Set-Cookie"))
				}
			})
		})
	}
}

// However often a task has failed, its page has the last failures, and tells of the others.
func TestManyFailures(t *testing.T) {
	f := newFake("plain")
	f.task.Failures = nil
	for i := range 1000 {
		f.task.Failures = append(f.task.Failures, dashboard.Failure{Attempt: 1000 - i, Error: strings.Repeat("e", 10<<10), Stack: strings.Repeat("s", 20<<10)})
	}
	atFake(t, f, func(d *desk) {
		page := d.page("/admin/task?id=plain")
		assert.Less(t, len(page), 500<<10)
		text := words(page)
		assert.Contains(t, text, "Attempt 1000, ")
		assert.Contains(t, text, "Attempt 981, ")
		assert.NotContains(t, text, "Attempt 980, ")
		assert.Contains(t, text, "980 earlier ones are known, too.")
	})
}

// Each text by itself, so that none hides behind another.
func TestEachHostileText(t *testing.T) {
	var plain []string
	atFake(t, newFake("plain"), func(d *desk) { plain = skeleton(d.page("/admin/task?id=plain")) })
	for i := range reflect.TypeFor[dashboard.TaskRow]().NumField() {
		field := reflect.TypeFor[dashboard.TaskRow]().Field(i)
		if field.Type.Kind() != reflect.String {
			continue
		}
		f := newFake("plain")
		reflect.ValueOf(&f.task.TaskRow).Elem().Field(i).SetString(hostile["an element"] + `"'`)
		atFake(t, f, func(d *desk) { assert.Equal(t, plain, skeleton(d.page("/admin/task?id=plain")), field.Name) })
	}
}

// What goes wrong with the source is told to the log, and nobody else.
func TestTheSourceFails(t *testing.T) {
	f := newFake("plain")
	f.err = fmt.Errorf("connect to user@database: <script>")
	atFake(t, f, func(d *desk) {
		for _, path := range []string{"/admin/", "/admin/tasks", "/admin/task?id=1"} {
			page := d.page(path)
			assert.Contains(t, words(page), "The work can't be asked for now.")
			assert.NotContains(t, page, "database")
		}
		assert.NotEmpty(t, d.log.of(t, "the page of background work can't ask for it"))
	})
}

// The reason of a refusal may have a name in it.
func TestAHostileRefusal(t *testing.T) {
	for what, text := range hostile {
		atFake(t, newFake(text), func(d *desk) {
			a := d.post(forms(d.page("/admin/task?id=plain"))["cancel"])
			assert.Equal(t, 409, a.status)
			assert.Less(t, len(a.text), 50<<10, what)
			for _, bad := range []string{"<script>alert", "<b>", "\x00", "\x1b", "\u202e"} {
				assert.NotContains(t, a.text, bad, what)
			}
		})
	}
}
