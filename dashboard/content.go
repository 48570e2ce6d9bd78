package dashboard

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/velithon-go/velithon/background"
)

// overviewContent is what the template of the overview shows.
type overviewContent struct {
	Now    *sample
	Shares []share
	Rates  rates
	Waits  [2]time.Duration // p50 and p99 of the last minutes
	Took   [2]time.Duration
	Plots  []plot
	Kinds  []kindContent
	Empty  bool // nothing was ever done
}

// share is a number of tasks with the list of them.
type share struct {
	Label, Query string
	Number       int
	Of           int // 0 for none
}

type kindContent struct {
	*Kind

	Rates       rates
	Waits, Took [2]time.Duration
	Plot        plot
}

func (p *page) overviewContent(ctx context.Context) (*overviewContent, error) {
	now, err := p.overview(ctx)
	if err != nil {
		return nil, err
	}
	all := p.history.before(now)
	c := &overviewContent{Now: now, Rates: lately(all, nil), Empty: now.Accepted == 0 && now.Open() == 0}
	c.Waits, c.Took = quantiles(all, nil)
	for _, s := range []share{
		{"Running", "running", now.Running, now.Workers},
		{"Waiting", "waiting", now.Waiting, 0},
		{"Parked", "limited", now.Parked, 0},
		{"Scheduled", "scheduled", now.Scheduled, 0},
		{"To be retried", "retrying", now.Retrying, 0},
	} {
		s.Query = "?state=" + s.Query
		c.Shares = append(c.Shares, s)
	}
	c.Plots = []plot{
		plotOf("Not running yet", all, func(_, s *sample) float64 { return float64(s.Waiting + s.Parked + s.Retrying) }),
		plotOf("Running", all, func(_, s *sample) float64 { return float64(s.Running) }),
		plotOf("In per second", all, func(before, s *sample) float64 { return ratesOf(before, s, nil).In }),
		plotOf("Out per second", all, func(before, s *sample) float64 { return ratesOf(before, s, nil).Out }),
	}
	for i := range now.Kinds {
		k := kindContent{Kind: &now.Kinds[i]}
		k.Rates = lately(all, &k.Name)
		k.Waits, k.Took = quantiles(all, &k.Name)
		k.Plot = plotOf("Out per second", all, func(before, s *sample) float64 { return ratesOf(before, s, &k.Name).Out })
		c.Kinds = append(c.Kinds, k)
	}
	return c, nil
}

// quantiles returns p50 and p99 of what was counted in the last minutes.
func quantiles(all []*sample, kind *string) (waits, took [2]time.Duration) {
	first, last := all[0].of(kind), all[len(all)-1].of(kind)
	if len(all) == 1 {
		first = &Numbers{}
	}
	w, d := since(&first.Waits, &last.Waits), since(&first.Durations, &last.Durations)
	return [2]time.Duration{w.Quantile(0.5), w.Quantile(0.99)}, [2]time.Duration{d.Quantile(0.5), d.Quantile(0.99)}
}

// states are those of the lists, by their names in addresses.
var states = []stateTab{
	{"", "All open", nil, "Nothing is waiting or running.", "Work appears here as soon as a response has some, or Submit is called."},
	{"running", "Running", []background.State{background.Running}, "Nothing runs.", "If something waits all the same, it waits for its time, its limit, or the end of a pause."},
	{"waiting", "Waiting", []background.State{background.Waiting}, "Nothing waits for a worker.", "There are workers enough."},
	{"limited", "Parked", []background.State{background.Limited}, "Nothing waits for a limit, or for the end of a pause.", "Kinds have a limit by background.NewLimit. In a durable queue what waits for either is under Waiting."},
	{"scheduled", "Scheduled", []background.State{background.Scheduled}, "Nothing waits for its time.", "Tasks are due later by After and At."},
	{"retrying", "To be retried", []background.State{background.Retrying}, "Nothing waits to be tried again.", "Tasks are tried again by background.Retry."},
	{"failed", "Failed", []background.State{background.Failed, background.Canceled, background.GivenUp}, "Nothing has failed.", "Failures are kept here with their errors and stacks: in memory the last 200 since the start, in a queue those of a week."},
	{"succeeded", "Succeeded", []background.State{background.Succeeded}, "No task that has succeeded is known.", "In memory those with a handle are, for some minutes: of kinds with background.Followed, and after background.Track. A queue keeps them for a day."},
}

type stateTab struct {
	Name, Label string
	states      []background.State
	Empty, Hint string
}

func tabOf(name string) stateTab {
	return states[max(slices.IndexFunc(states, func(s stateTab) bool { return s.Name == name }), 0)]
}

// pageSize is how many tasks a list has.
const pageSize = 100

// listContent is what the template of a list shows.
type listContent struct {
	Tab           stateTab
	Tabs          []tab
	Kind, Request string
	Rows          []TaskRow
	Next, First   string // queries; "" for none
	Filtered      bool
	Paused        bool     // the kind is
	Kinds         []string // whose names can be filled in; not of the news
	Buttons       []button // likewise
}

type tab struct {
	Label, Query string
	Current      bool
}

func (c *listContent) heading() string {
	heading := c.Tab.Label
	if c.Tab.Name == "" {
		heading = "Open tasks"
	}
	return heading
}

// listOf returns what a list has besides its rows.
func (p *page) listOf(in *input) *listContent {
	c := &listContent{Tab: tabOf(in.State), Kind: in.Kind, Request: in.Request, Filtered: in.Kind != "" || in.Request != ""}
	for _, s := range states {
		to := input{State: s.Name, Kind: in.Kind, Request: in.Request}
		c.Tabs = append(c.Tabs, tab{s.Label, "?" + to.query().Encode(), s.Name == c.Tab.Name})
	}
	return c
}

func (p *page) tasksContent(ctx context.Context, in *input) (*listContent, error) {
	c := p.listOf(in)
	filter := Filter{States: c.Tab.states, Kind: in.Kind, Request: in.Request, After: in.After, Limit: pageSize}
	tasks, err := within(ctx, func(ctx context.Context) (Tasks, error) { return p.source.Tasks(ctx, filter) })
	if err != nil {
		return nil, err
	}
	c.Rows = tasks.Rows
	if in.Kind != "" {
		now, err := p.overview(ctx)
		c.Paused = err == nil && now.kinds[in.Kind] != nil && now.kinds[in.Kind].Paused
	}
	link := func(after string) string {
		to := input{State: in.State, Kind: in.Kind, Request: in.Request, After: after}
		return "?" + to.query().Encode()
	}
	if isLinked(tasks.Next) {
		c.Next = link(tasks.Next)
	}
	if in.After != "" {
		c.First = link("")
	}
	return c, nil
}

// task returns what is known of a task, now or less than a second ago.
func (p *page) task(ctx context.Context, id string) (*Task, error) {
	made, err := p.views.get(ctx, "task "+id, func(ctx context.Context) (any, error) {
		t, err := p.source.Task(ctx, id)
		return &t, err
	})
	if err != nil {
		return nil, err
	}
	return made.(*Task), nil
}

// failuresShown is how many failed attempts the page of a task has, each with its stack.
const failuresShown = 20

// taskContent is what the template of a task shows.
type taskContent struct {
	*Task

	Last    []Failure
	Earlier int // how many more there are
}

func (p *page) taskContent(ctx context.Context, id string) (*taskContent, error) {
	t, err := p.task(ctx, id)
	if err != nil {
		return nil, err
	}
	last := t.Failures[:min(len(t.Failures), failuresShown)]
	return &taskContent{t, last, len(t.Failures) - len(last)}, nil
}

// A button is the form of an act. It is not among the news, which would take it from under
// the hands of whoever is at it.
type button struct {
	Act

	Token                string
	Label, Name, Warning string // what can be done, what the button says, and what comes of it
	For, Of              string // the id and the kind as the form has them
}

var labels = map[Verb][3]string{
	Cancel:   {"Cancel", "Cancel this task", "The attempt is told to end, and there will be no other one. A function that does not look at its context goes on."},
	RetryNow: {"Try now", "Try this task now", "The task waits for its time no longer, but for a worker and its limit. One that has failed is tried once more."},
	Discard:  {"Discard", "Discard this task", "The task will not run, or not again."},
	Pause:    {"Pause this kind", "Pause this kind", "None of its tasks starts until it is resumed. Those that run go on, and new ones are accepted as long as there is room."},
	Resume:   {"Resume this kind", "Resume this kind", "Its tasks start again."},
}

func (p *page) buttons(verbs []Verb, act Act, who string) (all []button) {
	if p.control == nil {
		return nil
	}
	for _, verb := range verbs {
		act.Verb = verb
		all = append(all, button{act, p.forms.token(act, who), labels[verb][0], labels[verb][1], labels[verb][2], inForm(act.ID), inForm(act.Kind)})
	}
	return all
}

// kindsNamed is how many kinds a list names at most.
const kindsNamed = 200

// kindsSeen returns the names of the kinds that were seen last.
func (p *page) kindsSeen() (names []string) {
	for _, k := range p.history.lastKinds() {
		if link("tasks", "kind", k.Name) != "" && len(names) < kindsNamed {
			names = append(names, k.Name)
		}
	}
	return names
}

func (p *page) kindButtons(ctx context.Context, kind, who string) []button {
	if p.control == nil || kind == "" {
		return nil
	}
	now, err := p.overview(ctx)
	if err != nil || now.kinds[kind] == nil {
		return nil
	}
	return p.buttons(now.kinds[kind].Acts, Act{Kind: kind}, who)
}

// maxLinked is how long what an address says may be, in bytes.
const maxLinked = 512

// isLinked reports whether an address can say a text.
func isLinked(text string) bool {
	return text != "" && len(text) <= maxLinked && utf8.ValidString(text)
}

// link returns the address of a list of tasks, or of one; "" if that can't be asked for.
func link(to, name, value string) string {
	if !isLinked(value) {
		return ""
	}
	return fmt.Sprintf("%s?%s", to, url.Values{name: {value}}.Encode())
}
