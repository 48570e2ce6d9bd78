package background_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

// checkView compares what Tasks yields with the model.
func (s *sequence) checkView(t *rapid.T) {
	var got []sight
	for info := range s.runner.Tasks() {
		one := sight{
			name: info.Name, kind: info.Kind, id: info.ID, state: info.State, attempt: info.Attempt,
			call: info.Context.Value(callKey{}), since: info.Since, due: info.Due,
		}
		if info.State != background.Scheduled && info.State != background.Retrying {
			one.due = time.Time{} // its time has come
		}
		got = append(got, one)
	}
	want := s.model.view()
	slices.SortFunc(want, sight.compare)
	slices.SortFunc(got, sight.compare)
	for i := range min(len(want), len(got)) { // without a handle it is known to a millisecond
		if want[i].since.Sub(got[i].since).Abs() > time.Millisecond {
			assert.WithinDuration(t, want[i].since, got[i].since, time.Millisecond, "since when %s is %s", got[i].name, got[i].state)
		}
		want[i].since = got[i].since
	}
	if !slices.Equal(want, got) {
		assert.Equal(t, want, got, "what Tasks yields")
	}
}

// compare orders sights by their names, and those of the user's own kind of work by
// their calls.
func (s sight) compare(other sight) int {
	if c := cmp.Compare(s.name, other.name); c != 0 {
		return c
	}
	return cmp.Compare(fmt.Sprint(s.call), fmt.Sprint(other.call))
}
