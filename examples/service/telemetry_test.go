package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/velithon-go/velithon/velithontest"
)

func TestMetrics(t *testing.T) {
	r := start(t, nil)
	r.order("ada")
	require.Len(t, r.Wait(), 2)
	got := velithontest.Get[any](r.Kit, "/metrics").Text
	for _, line := range []string{
		`velithon_tasks_total{kind="confirm order",outcome="succeeded",queue="memory"} 1`,
		`velithon_tasks_total{kind="audit",outcome="succeeded",queue="memory"} 1`,
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="201",http_route="/api/v1/orders"} 1`,
	} {
		require.Contains(t, got, line)
	}
}

func TestReady(t *testing.T) {
	r := start(t, nil)
	require.JSONEq(t, `{"status":"ready"}`, velithontest.Get[any](r.Kit, "/readyz").Text)
	require.JSONEq(t, `{"status":"live"}`, velithontest.Get[any](r.Kit, "/livez").Text)
}

// The files that the containers are given are there, can be read, and fit to each other.
func TestCompose(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Image   string
			Ports   []string
			Volumes []string
		}
	}
	readYAML(t, "compose.yaml", &compose)
	require.Len(t, compose.Services, 2)
	inside := make(map[string]string) // the files by their paths in the containers
	for name, s := range compose.Services {
		require.Contains(t, s.Image, ":", name)
		for _, port := range s.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s: nobody else has to look", port)
		}
		for _, volume := range s.Volumes {
			parts := strings.Split(volume, ":")
			require.Len(t, parts, 3, volume)
			require.FileExists(t, parts[0])
			inside[parts[1]] = parts[0]
		}
	}
	var scrape struct {
		ScrapeConfigs []struct {
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, inside["/etc/prometheus/prometheus.yml"], &scrape)
	require.Equal(t, []string{"host.docker.internal:8080"}, scrape.ScrapeConfigs[0].StaticConfigs[0].Targets)

	var provisioned struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
		Datasources []struct{ Type, URL, UID string }
	}
	readYAML(t, inside["/etc/grafana/provisioning/datasources/velithon.yaml"], &provisioned)
	require.Equal(t, "http://prometheus:9090", provisioned.Datasources[0].URL)
	readYAML(t, inside["/etc/grafana/provisioning/dashboards/velithon.yaml"], &provisioned)
	text, err := os.ReadFile(inside[provisioned.Providers[0].Options.Path+"/velithon.json"])
	require.NoError(t, err)
	var dashboard struct{ UID string }
	require.NoError(t, json.Unmarshal(text, &dashboard))
	require.Equal(t, "velithon", dashboard.UID)
}

func readYAML(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, v), name)
}
