package dashboard

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/url"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// layout is what the frame of all pages has.
type layout struct {
	Title, Heading string // of the service's page, and of this one
	Section        string // overview, tasks, failures or task
	Events         string // where the news come from; "" if there are none
	At             time.Time
	Assets         map[string]string // the names of the files by their first words
	Version        string            // see [page.version]
	Live           template.HTML     // what the news take the place of
	Content        any               // for the template of the page
	Done           string            // what was done just now
}

// A part is a page without its frame.
type part struct {
	name     string // of its template, and "live-" with that of what the news take the place of
	heading  string
	section  string
	query    url.Values // says the same to the events
	content  any
	live     template.HTML
	done     string
	status   int
	noEvents bool
}

func (p *page) write(part *part) (responses.Response, error) {
	frame := layout{
		Title: p.options.Title, Heading: part.heading, Section: part.section, At: time.Now(), Assets: p.bundle.names, Version: p.version(),
		Live: part.live, Content: part.content, Done: part.done,
	}
	if !part.noEvents {
		part.query.Set("page", part.name)
		frame.Events = "events?" + part.query.Encode()
	}
	var page bytes.Buffer
	if err := p.bundle.templates.ExecuteTemplate(&page, part.name, frame); err != nil {
		return nil, err
	}
	return responses.HTMLResponse{Content: page.String(), Status: part.status, Header: p.header()}, nil
}

// version changes with what a page needs to go on: the files, and the key of its forms. A
// page of another version loads itself anew.
func (p *page) version() string {
	if p.control == nil {
		return p.bundle.version
	}
	return p.bundle.version + " " + p.forms.name()
}

// errNothing is for an address of nothing.
var errNothing = errors.New("dashboard: there is no such page")

// live returns what the news of a page are, which is made once in a second for all.
func (p *page) live(ctx context.Context, name string, in *input) (template.HTML, error) {
	at := url.Values{"page": {name}, "state": {in.State}, "kind": {in.Kind}, "request": {in.Request}, "after": {in.After}, "id": {in.ID}}
	made, err := p.views.get(ctx, at.Encode(), func(ctx context.Context) (any, error) {
		var content any
		var err error
		switch name {
		case "overview":
			content, err = p.overviewContent(ctx)
		case "tasks":
			content, err = p.tasksContent(ctx, in)
		case "task":
			content, err = p.taskContent(ctx, in.ID)
		default:
			err = errNothing
		}
		if err != nil {
			if !errors.Is(err, ErrNoTask) && !errors.Is(err, errNothing) {
				p.log(ctx, slog.LevelError, "the page of background work can't ask for it", errorAttrs(err)...)
				return p.fragment("live-error", nil)
			}
			return nil, err
		}
		return p.fragment("live-"+name, content)
	})
	if err != nil {
		return "", err
	}
	return made.(template.HTML), nil
}

func (p *page) fragment(name string, content any) (template.HTML, error) {
	var text bytes.Buffer
	err := p.bundle.templates.ExecuteTemplate(&text, name, content)
	return template.HTML(text.String()), err //nolint:gosec // by html/template
}

func (p *page) showOverview(ctx context.Context, _ input, _ string) (responses.Response, error) {
	live, err := p.live(ctx, "overview", &input{})
	if err != nil {
		return nil, err
	}
	return p.write(&part{name: "overview", heading: "Overview", section: "overview", query: url.Values{}, live: live})
}

func (p *page) showTasks(ctx context.Context, in input, who string) (responses.Response, error) {
	content := p.listOf(&in)
	if content.Tab.Name != in.State {
		return p.refusal(404, "No such list", "there is no list of that state", "tasks")
	}
	live, err := p.live(ctx, "tasks", &in)
	if err != nil {
		return nil, err
	}
	content.Kinds, content.Buttons = p.kindsSeen(), p.kindButtons(ctx, in.Kind, who)
	section := "tasks"
	if in.State == "failed" {
		section = "failures"
	}
	return p.write(&part{
		name: "tasks", heading: content.heading(), section: section, query: in.query(), content: content, live: live, done: p.doneText(&in, who),
	})
}

func (p *page) showTask(ctx context.Context, in input, who string) (responses.Response, error) {
	live, err := p.live(ctx, "task", &in)
	if errors.Is(err, ErrNoTask) {
		return p.refusal(404, "No such task", "there is no task of this id, or it ended too long ago, or before the service was started", "tasks")
	}
	if err != nil {
		return nil, err
	}
	made := &part{name: "task", heading: "Task", section: "task", query: url.Values{"id": {in.ID}}, live: live, done: p.doneText(&in, who)}
	if t, err := p.task(ctx, in.ID); err == nil {
		made.heading, made.content = clean(t.Name, maxName), p.buttons(t.Acts, Act{ID: in.ID}, who)
	}
	return p.write(made)
}

// refused is what the template of a refusal shows.
type refused struct{ Why, Back string }

// refusal is a page that says what was not done, and why, and where to go on; "" is the overview.
func (p *page) refusal(status int, heading, why, back string) (responses.Response, error) {
	return p.write(&part{name: "refusal", heading: heading, content: refused{why, back}, status: status, noEvents: true})
}

// query returns what leads to the list.
func (in *input) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"state": in.State, "kind": in.Kind, "request": in.Request, "after": in.After} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// follow sends what is new on a page, once in a second at most.
func (p *page) follow(ctx context.Context, in input, _ string) (responses.Response, error) {
	if _, err := p.live(ctx, in.Page, &in); err != nil && !errors.Is(err, ErrNoTask) {
		return p.refusal(404, "No such page", "there are no news of this", "")
	}
	events := responses.EventStream(func(events *responses.EventWriter) error {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		if err := events.Send(responses.Event{Name: "version", Data: p.version(), Retry: 2 * time.Second}); err != nil {
			return err
		}
		var sent template.HTML
		for {
			live, err := p.live(ctx, in.Page, &in)
			switch {
			case errors.Is(err, ErrNoTask):
				return events.Send(responses.Event{Name: "gone", Data: "gone"})
			case ctx.Err() != nil:
				return nil // the service shuts down, and the page comes again
			case err != nil:
				return err
			case live != sent:
				err = events.Send(responses.Event{Name: "live", Data: string(live)})
				sent = live
			}
			if err != nil {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	})
	events.Header = p.header()
	return news{events}, nil
}

// news are events of which nobody has to be told that they ended early: a page was closed.
type news struct{ *responses.EventStreamResponse }

// Err implements [responses.EndedResponse].
func (n news) Err() error {
	if p, ok := errors.AsType[*background.PanicError](n.EventStreamResponse.Err()); ok {
		return p
	}
	return nil
}
