package main

import (
	"context"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/trials/child"
)

func TestMain(m *testing.M) {
	if child.Name() != "" {
		if err := serve(); err != nil {
			log.Fatal(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const documents = "../../docs/proxies.md"

func TestDocumentedConfigurations(t *testing.T) {
	for i := range proxies {
		p := &proxies[i]
		t.Run(p.name, func(t *testing.T) {
			if _, err := find(p.name); err != nil {
				t.Skip(p.name, "was not tried:", err)
			}
			var said strings.Builder
			trial := trial{log: log.New(&said, "", 0), document: documents, restarts: 1, clients: 4, pause: 100 * time.Millisecond}
			require.NoError(t, trial.run(context.Background(), p), "%s", &said)
			for _, check := range checks {
				assert.Contains(t, said.String(), p.name+": "+check.name+": ")
			}
			assert.Contains(t, said.String(), " requests while 2 instances were replaced: 0 lost, 0 orders taken twice;")
			assert.NotContains(t, said.String(), ": 0 requests while")
		})
	}
}

// On a machine without the proxies, too, the document has what they would be
// given.
func TestDocumentedConfigurationsCanBeRead(t *testing.T) {
	at := place{folder: t.TempDir(), address: "127.0.0.1:8443", instances: [2]string{"127.0.0.1:8001", "127.0.0.1:8002"}}
	for _, p := range proxies {
		a := p.arranges(at)
		text, err := configuration(documents, p.name, a.substitutions)
		require.NoError(t, err)
		assert.NotContains(t, text, "10.0.0.", "an address of the document is left")
		for _, s := range a.substitutions {
			assert.Contains(t, text, s.here)
		}
	}
}

func TestConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "document.md")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("text\n```nginx\nlisten 443;\nserver a:1;\n```\n```sh\nlisten 443\n```\n")

	text, err := configuration(file, "nginx", []substitution{{"443", "8443"}, {"a:1", "b:2"}})
	require.NoError(t, err)
	assert.Equal(t, "listen 8443;\nserver b:2;\n", text)
	_, err = configuration(file, "nginx", []substitution{{"444", "8443"}})
	require.ErrorContains(t, err, `document.md: its nginx block has "444" 0 times, want it once`)
	_, err = configuration(file, "nginx", []substitution{{"e", "x"}})
	require.ErrorContains(t, err, `its nginx block has "e" 3 times, want it once`)

	_, err = configuration(file, "caddy", nil)
	require.ErrorContains(t, err, "document.md: there are 0 blocks of caddy, want one")
	write("\n```caddy\na\n```\n\n```caddy\nb\n```\n")
	_, err = configuration(file, "caddy", nil)
	require.ErrorContains(t, err, "there are 2 blocks of caddy, want one")
	write("\n```caddy\na\n")
	_, err = configuration(file, "caddy", nil)
	require.ErrorContains(t, err, "the block of caddy has no end")
	_, err = configuration(file+"x", "caddy", nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestChoose(t *testing.T) {
	chosen, err := choose("caddy,nginx")
	require.NoError(t, err)
	require.Len(t, chosen, 2)
	assert.Equal(t, "caddy", chosen[0].name)
	assert.Equal(t, "nginx", chosen[1].name)
	_, err = choose("caddy,nonsense")
	assert.EqualError(t, err, `there is no proxy "nonsense"`)
}

// What the trial would say if orders were lost.
func TestFaultsAreFound(t *testing.T) {
	clients := []client{
		{sent: 3, orders: []string{"0-1", "0-2"}, failures: []string{"0-3: answered with 502: "}, longest: time.Second},
		{sent: 2, orders: []string{"1-1"}},
	}
	f := figures{replaced: 2}
	faults := f.compare(clients, "0-1\n1-1\n1-1\n")
	assert.Equal(t, []string{"0-3: answered with 502: ", "0-2: answered, but not taken", "1-1: taken 2 times"}, faults)
	assert.Equal(t, figures{replaced: 2, sent: 5, lost: 1, twice: 1, slowest: time.Second}, f)
}

func TestRefused(t *testing.T) {
	html := answer{status: 413, contentType: "text/html; charset=utf-8"}
	service := answer{status: 413, contentType: problemType}
	strict, lax := &proxy{refusal: "text/html"}, &proxy{refusal: "text/html", hangsUp: true}
	for _, test := range []struct {
		proxy   *proxy
		answer  answer
		err     error
		version string
		chunked bool
		want    string // "413", "broken" or an error
	}{
		{strict, html, nil, http1, false, "413"},
		{strict, html, nil, http2, true, "413"},
		{strict, service, nil, http1, false, `got 413 as "application/problem+json", want 413 as "text/html": `},
		{strict, answer{status: 502}, nil, http1, true, `got 502 as "", want 413 as "text/html": `},
		{strict, answer{}, io.EOF, http1, true, "EOF"},
		{&proxy{}, html, nil, http1, false, `got 413 as "text/html", want 413 as "": `},
		{lax, html, nil, http1, false, "413"},
		{lax, service, nil, http2, true, "413"},
		{lax, answer{}, io.EOF, http1, false, "broken"},
		{lax, answer{status: 502}, nil, http2, true, "broken"},
		{lax, answer{}, io.EOF, http2, false, "EOF"},
		{lax, answer{status: 200}, nil, http1, true, `got 200 as "", want 413 as "application/problem+json": `},
	} {
		ok, err := test.proxy.refused(test.answer, test.err, test.version, test.chunked)
		switch test.want {
		case "413", "broken":
			require.NoError(t, err)
			assert.Equal(t, test.want == "413", ok, "%+v", test)
		default:
			assert.EqualError(t, err, test.want)
		}
	}
}

// A proxy that can't be started leaves nothing behind, and says why.
func TestAProxyThatEnds(t *testing.T) {
	program, err := find("false")
	if err != nil {
		t.Skip(err)
	}
	p := proxies[0]
	p.version = nil
	trial := trial{document: documents}
	_, err = trial.begin(context.Background(), &p, program)
	assert.ErrorContains(t, err, "exit status 1")
	p.version, program = []string{"-c", "exit 0"}, "/bin/sh"
	_, err = trial.begin(context.Background(), &p, program)
	assert.ErrorContains(t, err, "the proxy has ended")
}
