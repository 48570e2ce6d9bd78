package main

import (
	"bytes"
	"fmt"

	"github.com/velithon-go/velithon/benchmarks/background"
	"github.com/velithon-go/velithon/benchmarks/figures"
	"github.com/velithon-go/velithon/benchmarks/harness"
)

// compared are the modules that the peers are.
var compared = []string{
	"github.com/alitto/pond/v2",
	"github.com/panjf2000/ants/v2",
	"github.com/sourcegraph/conc",
	"golang.org/x/sync",
}

func newReport(results []byte) (*harness.Report, error) {
	var set figures.Set
	if err := set.Read(bytes.NewReader(results)); err != nil {
		return nil, err
	}
	r := &harness.Report{
		Title:    "Background work",
		Commands: harness.Commands(results),
		CPU:      harness.CPU(results),
		Go:       set.Toolchains(),
		Modules:  compared,
	}
	for _, toolchain := range r.Go {
		for _, item := range background.Items() {
			g := figures.Group{Toolchain: toolchain, Item: item.Name}
			if !set.Has(g) {
				continue
			}
			r.Sections = append(r.Sections, harness.Section{
				Title: fmt.Sprintf("%s: %s, %s", item.Name, item.Title, toolchain),
				Table: set.Table(g, item.Peers, item.Base, item.Columns),
			})
			for _, peer := range item.Peers {
				r.Rounds = max(r.Rounds, set.Values(g, peer, figures.Time).N)
			}
		}
	}
	return r, nil
}
