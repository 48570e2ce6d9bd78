package main

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/benchmarks/figures"
)

// The servers' processes are this test binary, which then is the command.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-serve" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

func TestEveryRoundHasAResultOfEachPeer(t *testing.T) {
	var out, tables bytes.Buffer
	peers := []string{"floor", "velithon", "gin"}
	require.NoError(t, run(context.Background(), config{
		peers: peers, items: []string{"order", "tasks"},
		rounds: 2, connections: 4, requests: 40, limit: 20 * time.Second,
	}, &out, &tables))

	var set figures.Set
	require.NoError(t, set.Read(&out))
	require.Len(t, set.Toolchains(), 1)
	for _, item := range []string{"order", "tasks"} {
		for _, peer := range peers {
			group := figures.Group{Toolchain: set.Toolchains()[0], Layer: "sockets", Item: item}
			for _, unit := range []string{figures.Requests, figures.CPU, figures.P50, figures.P99} {
				values := set.Values(group, peer, unit)
				assert.Equal(t, 2, values.N, "%s of %s", unit, peer)
				assert.Positive(t, values.Low, "%s of %s", unit, peer)
			}
		}
	}
	assert.Contains(t, tables.String(), "velithon")
}

func TestUnknownNames(t *testing.T) {
	assert.EqualError(t, run(context.Background(), config{peers: []string{"rails"}}, nil, nil), `there is no "rails"`)
	assert.EqualError(t, run(context.Background(), config{items: []string{"ordre"}}, nil, nil), `there is no "ordre"`)
}
