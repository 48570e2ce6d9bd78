package list

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type item struct{ place Element[item] }

func TestTheZeroListIsEmpty(t *testing.T) {
	var l List[item]
	require.Nil(t, l.First())
	require.Nil(t, l.Last())
	one := new(item)
	l.Push(one, &one.place)
	require.Same(t, one, l.First())
	require.Same(t, one, l.Last())
}

// TestList compares a list and its cursors with a slice and items in it.
func TestList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l List[item]
	var want []*item
	var cursors []*Cursor[item]
	var left [][]*item // what they have to come to
	for range 20_000 {
		switch n := random.IntN(10); {
		case n < 2:
			one := new(item)
			l.Push(one, &one.place)
			want = append(want, one)
		case n < 4:
			one, i := new(item), random.IntN(len(want)+1)
			if i == 0 {
				l.Insert(one, &one.place, nil)
			} else {
				l.Insert(one, &one.place, &want[i-1].place)
			}
			for k := range left { // a cursor comes to it between what it comes to
				if next := slices.Index(left[k], itemAt(want, i)); next > 0 {
					left[k] = slices.Insert(left[k], next, one)
				}
			}
			want = slices.Insert(want, i, one)
		case n < 8 && len(want) > 0:
			i := random.IntN(len(want))
			gone := want[i]
			l.Remove(&gone.place)
			require.Zero(t, gone.place, "it keeps others alive")
			for k := range left {
				left[k] = slices.DeleteFunc(left[k], func(one *item) bool { return one == gone })
			}
			want = slices.Delete(want, i, i+1)
		case n == 8 && len(cursors) < 4:
			cursors, left = append(cursors, l.Begin()), append(left, slices.Clone(want))
		case n == 9 && len(cursors) > 0:
			i := random.IntN(len(cursors))
			cursors[i].End()
			cursors, left = slices.Delete(cursors, i, i+1), slices.Delete(left, i, i+1)
		}
		requireSame(t, want, &l)
		require.Len(t, l.cursors, len(cursors))
		for i, c := range cursors {
			require.Same(t, itemAt(left[i], 0), c.Item())
			if len(left[i]) > 0 && random.IntN(2) == 0 {
				left[i] = left[i][1:]
				require.Same(t, itemAt(left[i], 0), c.Next())
			}
		}
	}
}

// itemAt returns the item with index i, or nil if there is none.
func itemAt(items []*item, i int) *item {
	if i == len(items) {
		return nil
	}
	return items[i]
}

// requireSame looks through the list from both ends.
func requireSame(t *testing.T, want []*item, l *List[item]) {
	t.Helper()
	var forward, backward []*item
	c := l.Begin()
	for one := c.Item(); one != nil; one = c.Next() {
		forward = append(forward, one)
	}
	c.End()
	for one := l.Last(); one != nil; one = one.place.Previous() {
		backward = append(backward, one)
	}
	slices.Reverse(backward)
	require.True(t, slices.Equal(want, forward))
	require.True(t, slices.Equal(want, backward))
	require.Same(t, itemAt(want, 0), l.First())
}
