package routing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// Three types, which are provided in different ways: without any other, or from others.
type (
	valueA struct{ text string }
	valueB struct{ text string }
	valueC struct{ text string }

	keysOnly struct {
		K1 string `header:"K1"`
		K2 string `header:"K2"`
	}
	fromA struct {
		keysOnly
		A valueA `provide:""`
	}
	fromB struct {
		keysOnly
		B valueB `provide:""`
	}
	fromC struct {
		keysOnly
		C valueC `provide:""`
	}
	fromAB struct {
		keysOnly
		A valueA `provide:""`
		B valueB `provide:""`
	}
	fromBAgain struct {
		fromB
		Again valueB `provide:""`
	}
)

// wayTo is a way to provide a type: what it needs, in the order of the fields.
var waysTo = map[string][]string{
	"A": {"", "C"}, "B": {"", "A"}, "C": {"AB", "B", "BB"},
}

// A placed provider is one of a model: of which group, for which type, and how.
type placed struct {
	group      int
	typ, needs string
	label      string
	everywhere bool
	keys       []string
	anonymous  bool
}

// model is what a service is made of, and a slow and obvious way to tell what it does.
type model struct {
	parents   []int // of the groups; -1 for the router
	providers []placed
	overrides []placed
}

func (m *model) isIn(group, other int) bool {
	return group == other || group >= 0 && m.parents[group] >= 0 && m.isIn(m.parents[group], other)
}

func (m *model) find(group int, typ string, tested bool) *placed {
	if tested {
		for i := len(m.overrides) - 1; i >= 0; i-- {
			if o := &m.overrides[i]; o.typ == typ && m.isIn(group, o.group) {
				return o
			}
		}
	}
	for g := group; g >= 0; g = m.parents[g] {
		for i := range m.providers {
			if p := &m.providers[i]; p.typ == typ && p.group == g {
				return p
			}
		}
	}
	return nil
}

// evaluation is what one request does.
type evaluation struct {
	calls []string
	steps []*placed
	texts map[string]string
}

// value returns the text that a value has, and false where it can't be provided.
func (m *model) value(e *evaluation, group int, typ, path string, tested bool) (string, bool) {
	if text, ok := e.texts[typ]; ok {
		return text, true
	}
	p := m.find(group, typ, tested)
	if p == nil || strings.Contains(path, typ) {
		return "", false
	}
	var parts []string
	for _, need := range p.needs {
		text, ok := m.value(e, group, string(need), path+typ, tested)
		if !ok {
			return "", false
		}
		parts = append(parts, text)
	}
	text := p.label + "(" + strings.Join(parts, " ") + ")"
	e.calls, e.steps, e.texts[typ] = append(e.calls, p.label), append(e.steps, p), text
	return text, true
}

// evaluate returns what a route of a group does whose input needs types; nil where
// it can't be.
func (m *model) evaluate(group int, needs string, tested bool) *evaluation {
	var chain []int
	for g := group; g >= 0; g = m.parents[g] {
		chain = append([]int{g}, chain...)
	}
	e := &evaluation{texts: map[string]string{}}
	var all []string
	for _, g := range chain {
		for _, p := range m.providers {
			if p.group == g && p.everywhere {
				all = append(all, p.typ)
			}
		}
	}
	for _, need := range needs {
		all = append(all, string(need))
	}
	for _, typ := range all {
		if _, ok := m.value(e, group, typ, "", tested); !ok {
			return nil
		}
	}
	return e
}

// isLet reports whether the providers of a request let in who has keys.
func (e *evaluation) isLet(keys []string) bool {
	return !slices.ContainsFunc(e.steps, func(p *placed) bool {
		return len(p.keys) > 0 && !p.anonymous && !slices.ContainsFunc(p.keys, func(k string) bool { return slices.Contains(keys, k) })
	})
}

// give gives a provider of the model to a router, as Provide or as Override does.
func give[In, T any](r *routing.Router, p placed, isOverride bool, f func(In) T) {
	provide := func(_ context.Context, in In) (T, error) { return f(in), nil }
	if isOverride {
		routing.Override(r, provide)
		return
	}
	var options []routing.ProviderOption
	for _, key := range p.keys {
		options = append(options, routing.Secured(routing.APIKey(key, params.Header, key)))
	}
	if p.anonymous {
		options = append(options, routing.OrAnonymous())
	}
	if p.everywhere {
		options = append(options, routing.Everywhere())
	}
	routing.Provide(r, provide, options...)
}

func giveAny(r *routing.Router, p placed, isOverride bool, calls *[]string) {
	text := func(parts ...string) string {
		*calls = append(*calls, p.label)
		return p.label + "(" + strings.Join(parts, " ") + ")"
	}
	switch p.typ + p.needs {
	case "A":
		give(r, p, isOverride, func(keysOnly) valueA { return valueA{text()} })
	case "AC":
		give(r, p, isOverride, func(in fromC) valueA { return valueA{text(in.C.text)} })
	case "B":
		give(r, p, isOverride, func(keysOnly) valueB { return valueB{text()} })
	case "BA":
		give(r, p, isOverride, func(in fromA) valueB { return valueB{text(in.A.text)} })
	case "CAB":
		give(r, p, isOverride, func(in fromAB) valueC { return valueC{text(in.A.text, in.B.text)} })
	case "CB":
		give(r, p, isOverride, func(in fromB) valueC { return valueC{text(in.B.text)} })
	case "CBB":
		give(r, p, isOverride, func(in fromBAgain) valueC { return valueC{text(in.B.text, in.Again.text)} })
	default:
		panic(p.typ + p.needs)
	}
}

// noPanic is what panicOf returns for a function that returns.
var noPanic = panicOf(func() {})

// endpoints are handlers that answer with what they were given.
var endpoints = map[string]routing.Endpoint{
	"": routing.NewEndpoint(func(context.Context, struct{}) (responses.TextResponse, error) { return responses.Text(""), nil }),
	"A": routing.NewEndpoint(func(_ context.Context, in fromA) (responses.TextResponse, error) {
		return responses.Text(in.A.text), nil
	}),
	"C": routing.NewEndpoint(func(_ context.Context, in fromC) (responses.TextResponse, error) {
		return responses.Text(in.C.text), nil
	}),
	"AB": routing.NewEndpoint(func(_ context.Context, in fromAB) (responses.TextResponse, error) {
		return responses.Text(in.A.text + " " + in.B.text), nil
	}),
}

func drawPlaced(t *rapid.T, groups int) placed {
	p := placed{group: rapid.IntRange(0, groups-1).Draw(t, "group"), typ: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "type")}
	p.needs = rapid.SampledFrom(waysTo[p.typ]).Draw(t, "needs")
	p.everywhere = rapid.IntRange(0, 3).Draw(t, "everywhere") == 0
	for _, key := range []string{"K1", "K2"} {
		if rapid.IntRange(0, 3).Draw(t, key) == 0 {
			p.keys = append(p.keys, key)
		}
	}
	p.anonymous = len(p.keys) > 0 && rapid.IntRange(0, 3).Draw(t, "anonymous") == 0
	return p
}

// Which providers run for a request, in which order and with what, whom they let in, and
// which routes can't be, over any groups, providers and overrides.
func TestProvidersAreThoseOfAModel(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{parents: []int{-1}}
		for range rapid.IntRange(0, 4).Draw(rt, "groups") {
			m.parents = append(m.parents, rapid.IntRange(0, len(m.parents)-1).Draw(rt, "parent"))
		}
		for i := range rapid.IntRange(1, 7).Draw(rt, "providers") {
			p := drawPlaced(rt, len(m.parents))
			if !slices.ContainsFunc(m.providers, func(o placed) bool { return o.group == p.group && o.typ == p.typ }) {
				p.label = fmt.Sprintf("%s%d", strings.ToLower(p.typ), i)
				m.providers = append(m.providers, p)
			}
		}
		for i := range rapid.IntRange(0, 2).Draw(rt, "overrides") {
			o := drawPlaced(rt, len(m.parents))
			if slices.ContainsFunc(m.providers, func(p placed) bool { return p.typ == o.typ }) {
				o.label, o.keys, o.everywhere, o.anonymous = fmt.Sprintf("test-%s%d", strings.ToLower(o.typ), i), nil, false, false
				m.overrides = append(m.overrides, o)
			}
		}

		var calls []string
		routers := []*routing.Router{newRouter(t)}
		for g, parent := range m.parents[1:] {
			routers = append(routers, routers[parent].Group(fmt.Sprintf("/g%d", g+1)))
		}
		for _, p := range m.providers {
			giveAny(routers[p.group], p, false, &calls)
		}
		type added struct {
			group         int
			needs, target string
		}
		var routes []added
		for g, r := range routers {
			for needs, endpoint := range endpoints {
				target := "/route" + needs
				message := panicOf(func() { r.Handle("GET", target, endpoint) })
				if m.evaluate(g, needs, false) == nil {
					require.Contains(t, message, "velithon: GET ")
					seen["can't be"]++
					continue
				}
				require.Equal(t, noPanic, message)
				routes = append(routes, added{g, needs, r.Routes()[len(r.Routes())-1].Pattern})
			}
		}
		for _, o := range m.overrides {
			giveAny(routers[o.group], o, true, &calls)
		}
		works := func() bool {
			for _, a := range routes {
				if m.evaluate(a.group, a.needs, true) == nil {
					return false
				}
			}
			return true
		}()
		var handler *routing.Handler
		message := panicOf(func() { handler = routing.Build(routers[0]) })
		if !works {
			require.Contains(t, message, "with what Override was given")
			seen["can't be overridden"]++
			return
		}
		described := routers[0].Routes()
		for _, a := range routes {
			want := m.evaluate(a.group, a.needs, true)
			var texts []string
			for _, need := range a.needs {
				texts = append(texts, want.texts[string(need)])
			}
			i := slices.IndexFunc(described, func(r routing.Route) bool { return r.Pattern == a.target })
			for _, keys := range [][]string{nil, {"K1"}, {"K2"}, {"K1", "K2"}} {
				var header []string
				for _, key := range keys {
					header = append(header, key, "k")
				}
				calls = nil
				got := ask(handler.ServeRequest, "GET", a.target, "", header...)
				isLet := want.isLet(keys)
				if !isLet {
					seen["refused"]++
					require.Equal(t, 401, got.StatusCode())
					require.Empty(t, calls)
				} else {
					seen["let in"]++
					require.Equal(t, 200, got.StatusCode(), string(got.Body()))
					require.Equal(t, strings.Join(texts, " "), string(got.Body()))
					require.Equal(t, want.calls, calls)
				}
				if len(m.overrides) == 0 {
					require.Equal(t, isLet, isLetBy(described[i].Security(), keys), "%v with %v", described[i].Security(), keys)
				}
			}
			plain := m.evaluate(a.group, a.needs, false)
			require.Len(t, described[i].Providers(), len(plain.steps))
		}
	})
	for _, what := range []string{"can't be", "can't be overridden", "refused", "let in"} {
		require.NotZero(t, seen[what], what)
	}
}

// isLetBy reports whether what is documented lets in who has keys.
func isLetBy(ways [][]routing.Requirement, keys []string) bool {
	return len(ways) == 0 || slices.ContainsFunc(ways, func(way []routing.Requirement) bool {
		return !slices.ContainsFunc(way, func(r routing.Requirement) bool { return !slices.Contains(keys, r.Scheme.Name) })
	})
}
