package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/velithontest"
)

func TestFiveAtOnce(t *testing.T) {
	var running, most atomic.Int64
	entered, leave := make(chan string), make(chan struct{})
	b := &batch{func(_ context.Context, item string) error {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		entered <- item
		<-leave
		return nil
	}}
	kit := velithontest.New(t, newApp(b))

	var items []string
	for i := range 20 {
		items = append(items, fmt.Sprint("item ", i))
	}

	seen := make(chan []string, 1)
	go func() {
		var all []string
		for range len(items) / 5 {
			for range 5 { // all five are in before one may leave
				all = append(all, <-entered)
			}
			for range 5 {
				leave <- struct{}{}
			}
		}
		seen <- all
	}()
	answer := velithontest.Post[any](kit, "/batch-process", items)
	require.Equal(t, 200, answer.Status)
	require.JSONEq(t, `{"message":"Processing 20 items"}`, answer.Text)
	require.ElementsMatch(t, items, <-seen)
	require.EqualValues(t, 5, most.Load())
}

func TestAFailureIsNotToldToTheClient(t *testing.T) {
	var ran atomic.Int64
	b := &batch{func(_ context.Context, item string) error {
		ran.Add(1)
		if item == "b" {
			return errors.New("secret")
		}
		return nil
	}}
	kit := velithontest.New(t, newApp(b))

	answer := velithontest.Post[any](kit, "/batch-process", `["a","b","c"]`)
	require.Equal(t, 500, answer.Status)
	require.NotContains(t, answer.Text, "secret")
	require.EqualValues(t, 3, ran.Load(), "the other tasks run all the same")
}

func TestEmptyBatch(t *testing.T) {
	kit := velithontest.New(t, newApp(&batch{logItem}))

	answer := velithontest.Post[any](kit, "/batch-process", `[]`)
	require.Equal(t, 200, answer.Status)
	require.JSONEq(t, `{"message":"Processing 0 items"}`, answer.Text)
}

// BenchmarkHundredTasks runs a hundred tasks of a millisecond, five at a time:
// 20 ms of waiting, and what is on top of that.
func BenchmarkHundredTasks(b *testing.B) {
	nap := func(context.Context, int) error {
		time.Sleep(time.Millisecond)
		return nil
	}
	for b.Loop() {
		tasks := background.Tasks{MaxConcurrent: 5}
		for i := range 100 {
			tasks.Add(background.NewTask(nap, i))
		}
		if err := tasks.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
