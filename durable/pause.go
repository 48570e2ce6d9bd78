package durable

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// The kinds that are paused are a list in the metadata of the engine's default queue, which
// all processes read. A process asks for tasks of other kinds only. So the pause holds
// in each process, those that start later too, until it is ended.

// pausedKey is that of the list.
const pausedKey = "velithon_paused"

// paused are the kinds of which this process takes no tasks.
type paused struct{ kinds atomic.Pointer[[]string] }

// without returns those of the kinds that are not paused. An empty slice is not nil: that
// would mean all kinds to the engine.
func (p *paused) without(kinds []string) []string {
	list := p.kinds.Load()
	if list == nil || len(*list) == 0 {
		return kinds
	}
	rest := make([]string, 0, len(kinds))
	for _, k := range kinds {
		if !slices.Contains(*list, k) {
			rest = append(rest, k)
		}
	}
	return rest
}

// has reports whether a kind was paused when that was last read.
func (p *paused) has(kind string) bool {
	list := p.kinds.Load()
	return list != nil && slices.Contains(*list, kind)
}

// pausedKinds reads which kinds are paused, and keeps to it from now on.
func (q *Queue[Tx]) pausedKinds(ctx context.Context) ([]string, error) {
	row, err := q.client.QueueGet(ctx, river.QueueDefault)
	if err != nil && !errors.Is(err, rivertype.ErrNotFound) {
		return nil, err
	}
	var kinds []string
	if err == nil {
		kinds, _ = pausedIn(row)
	}
	q.paused.kinds.Store(&kinds)
	return kinds, nil
}

// pausedIn returns the list of a row, and all of its metadata.
func pausedIn(row *rivertype.Queue) (kinds []string, all map[string]json.RawMessage) {
	all = make(map[string]json.RawMessage)
	_ = json.Unmarshal(row.Metadata, &all) // what is no object has no list
	_ = json.Unmarshal(all[pausedKey], &kinds)
	return kinds, all
}

// setPaused pauses a kind, or ends that. Other processes see it within their next look.
func (q *Queue[Tx]) setPaused(ctx context.Context, kind string, isPaused bool) error {
	err := q.engine.Do(ctx, func(tx Tx) error {
		executor := q.engine.Driver.UnwrapExecutor(tx)
		row, err := executor.QueueCreateOrSetUpdatedAt(ctx, &riverdriver.QueueCreateOrSetUpdatedAtParams{
			Name: river.QueueDefault, Schema: q.client.Schema(), // which locks the row, too
		})
		if err != nil {
			return err
		}
		kinds, all := pausedIn(row)
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == kind })
		if isPaused {
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		if all[pausedKey], err = json.Marshal(kinds); err != nil {
			return err
		}
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		_, err = executor.QueueUpdate(ctx, &riverdriver.QueueUpdateParams{
			Metadata: text, MetadataDoUpdate: true, Name: river.QueueDefault, Schema: q.client.Schema(),
		})
		return err
	})
	if err == nil {
		_, err = q.pausedKinds(ctx)
	}
	return wrap("pause a kind", err)
}
