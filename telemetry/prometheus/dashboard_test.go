package prometheus_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/telemetry/prometheus"
)

// A panel is what a dashboard's panel needs to be shown, by Grafana's schema of version 39.
type panel struct {
	ID         int
	Type       string
	Title      string
	GridPos    struct{ H, W, X, Y int }
	Datasource struct{ Type, UID string }
	Targets    []struct {
		RefID      string `json:"refId"`
		Expr       string
		Datasource struct{ Type, UID string }
	}
	Panels []panel
}

type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Time          struct{ From, To string }
	Templating    struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
		}
	}
	Panels []panel
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

func TestDashboardLoads(t *testing.T) {
	d := readDashboard(t)
	assert.Equal(t, "velithon", d.UID)
	assert.NotEmpty(t, d.Title)
	assert.Equal(t, 39, d.SchemaVersion)
	assert.Equal(t, "now-30m", d.Time.From)
	ids, taken := make(map[int]bool), make(map[[2]int]string)
	require.NotEmpty(t, d.Panels)
	for _, p := range d.Panels {
		assert.False(t, ids[p.ID], "panel %d is there twice", p.ID)
		ids[p.ID] = true
		assert.Positive(t, p.ID)
		assert.NotEmpty(t, p.Title)
		assert.Contains(t, []string{"row", "stat", "timeseries"}, p.Type, p.Title)
		g := p.GridPos
		assert.True(t, g.X >= 0 && g.W > 0 && g.X+g.W <= 24 && g.H > 0, "%s: %+v", p.Title, g)
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				assert.Empty(t, taken[[2]int{x, y}], "under %s", p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
		assert.Empty(t, p.Panels, "a row that is not collapsed has none inside")
		if p.Type == "row" {
			assert.Empty(t, p.Targets)
			continue
		}
		assert.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		refs := make(map[string]bool)
		for _, target := range p.Targets {
			assert.False(t, refs[target.RefID], p.Title)
			refs[target.RefID] = true
			assert.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
			assert.Equal(t, "prometheus", target.Datasource.Type, p.Title)
		}
	}
}

var (
	selector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}`)
	matcher  = regexp.MustCompile(`^\s*([a-zA-Z_]\w*)\s*(=~|!~|=|!=)\s*"[^"]*"\s*$`)
	grouping = regexp.MustCompile(`\b(?:by|on|without|ignoring)\s*\(([^)]*)\)`)
	variable = regexp.MustCompile(`\$\{?(\w+)\}?`)
	word     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
)

// words of PromQL that the dashboard uses.
var words = []string{
	"sum", "max", "min", "by", "on", "group_left", "rate", "histogram_quantile",
}

// Each query asks for metrics and labels that the app of a test has.
func TestDashboardAsksForWhatIsThere(t *testing.T) {
	app := velithon.New(velithon.Options{Logger: quiet, Runner: background.RunnerOptions{Store: &queue{}}})
	app.Get("/metrics", prometheus.Instrument(app, nil).Handler)
	url := serve(t, app)
	require.NoError(t, app.Runner().Submit(context.Background(), background.Define("mail", func(context.Context, int) error { return nil }).Task(1)))
	require.NoError(t, app.Runner().Idle(context.Background()))
	scrape(t, url)
	labels := labelsOf(scrape(t, url))

	d := readDashboard(t)
	variables := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		for _, s := range selector.FindAllStringSubmatch(string(v.Query), -1) {
			assert.Contains(t, labels, s[1], v.Name)
		}
	}
	asked := make(map[string]bool)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			found := selector.FindAllStringSubmatch(target.Expr, -1)
			require.NotEmpty(t, found, target.Expr)
			var known []string // labels of all metrics of the query
			for _, s := range found {
				name := s[1]
				require.Contains(t, labels, name, target.Expr)
				asked[name] = true
				known = append(known, labels[name]...)
				for part := range strings.SplitSeq(s[2], ",") {
					m := matcher.FindStringSubmatch(part)
					require.NotNil(t, m, "%s in %s", part, target.Expr)
					assert.Contains(t, labels[name], m[1], target.Expr)
				}
			}
			for _, g := range grouping.FindAllStringSubmatch(target.Expr, -1) {
				for label := range strings.SplitSeq(g[1], ",") {
					assert.Contains(t, known, strings.TrimSpace(label), target.Expr)
				}
			}
			for _, v := range variable.FindAllStringSubmatch(target.Expr, -1) {
				assert.Contains(t, variables, v[1], target.Expr)
			}
			rest := variable.ReplaceAllString(grouping.ReplaceAllString(selector.ReplaceAllString(target.Expr, ""), ""), "")
			for _, w := range word.FindAllString(rest, -1) {
				assert.Contains(t, words, w, target.Expr)
			}
			assert.Equal(t, strings.Count(target.Expr, "("), strings.Count(target.Expr, ")"), target.Expr)
		}
	}
	for name := range labels {
		if base := strings.TrimSuffix(name, "_bucket"); strings.HasPrefix(name, "velithon_") && !strings.HasSuffix(name, "_sum") && !strings.HasSuffix(name, "_count") {
			assert.True(t, asked[name], "no panel shows %s", base)
		}
	}
}

// labelsOf returns the labels of each name that a query may ask for, with those that
// Prometheus adds.
func labelsOf(all families) map[string][]string {
	labels := make(map[string][]string)
	for name, family := range all {
		set := map[string]bool{"job": true, "instance": true}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				set[l.GetName()] = true
			}
		}
		list := slices.Sorted(maps.Keys(set))
		if family.GetType() != dto.MetricType_HISTOGRAM {
			labels[name] = list
			continue
		}
		labels[name+"_count"], labels[name+"_sum"], labels[name+"_bucket"] = list, list, append(slices.Clone(list), "le")
	}
	return labels
}
