package background_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/velithon-go/velithon/background"
)

// A kind says once what its tasks have in common.
func ExampleDefine() {
	mails := background.Define("mail", sendMail,
		background.Timeout(10*time.Second),
		background.Retry{Attempts: 5},
		background.NewLimit(background.LimitOptions{Concurrent: 4}),
	)
	task := mails.Task(Mail{"ada@example.org", "Your order"})
	record, err := task.Record() // a struct, to be stored as JSON
	if err != nil {
		log.Print(err)
	}
	fmt.Println(record.Kind, string(record.Argument))

	again, err := mails.Restore(record)
	if err != nil {
		log.Print(err)
	}
	if err := again.Run(context.Background()); err != nil {
		log.Print(err)
	}
	// Output:
	// mail {"To":"ada@example.org","Subject":"Your order"}
	// to ada@example.org: Your order
}

// Two kinds share what the service behind them can bear.
func ExampleNewLimit() {
	api := background.NewLimit(background.LimitOptions{Concurrent: 4, PerSecond: 10, Burst: 20})
	charge := background.Define("charge", sendMail, api)
	refund := background.Define("refund", sendMail, api)
	fmt.Println(charge.Name(), refund.Name())
	// Output:
	// charge refund
}

func ExampleTask_After() {
	runner := background.NewRunner(background.RunnerOptions{})
	reminder := background.NewTask(sendMail, Mail{"ada@example.org", "How was it?"}).After(10 * time.Millisecond)
	if err := runner.Submit(context.Background(), reminder); err != nil {
		log.Print(err)
	}
	fmt.Println("scheduled:", runner.Stats().Scheduled)
	for runner.Stats().Scheduled > 0 {
		time.Sleep(time.Millisecond)
	}
	_ = runner.Shutdown(context.Background())
	// Output:
	// scheduled: 1
	// to ada@example.org: How was it?
}

func ExampleRunner_Every() {
	runner := background.NewRunner(background.RunnerOptions{})
	swept := make(chan struct{})
	sweep := background.Func("sweep", func(context.Context) error {
		fmt.Println("swept")
		close(swept)
		return nil
	})
	stop := runner.Every(10*time.Millisecond, sweep)
	<-swept
	stop()
	_ = runner.Shutdown(context.Background())
	// Output:
	// swept
}

// errStatus is an answer that a webhook should not give.
type errStatus int

func (e errStatus) Error() string { return http.StatusText(int(e)) }

// A webhook that is overloaded says when it wants to be called again.
func ExampleRetryAfter() {
	call := func(ctx context.Context, url string) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
		if err != nil {
			return background.Permanent(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode < 300 {
			return nil
		}
		err = errStatus(response.StatusCode)
		if seconds, e := strconv.Atoi(response.Header.Get("Retry-After")); e == nil {
			err = background.RetryAfter(err, time.Duration(seconds)*time.Second)
		}
		return err
	}
	hook := background.Define("webhook", call, background.Retry{Attempts: 10, MaxElapsed: time.Hour})
	fmt.Println(hook.Name())
	// Output:
	// webhook
}

func ExampleTrack() {
	runner := background.NewRunner(background.RunnerOptions{})
	handle := background.Track(background.Func("report", func(ctx context.Context) error {
		background.Progress(ctx, "12 of 12 months")
		return nil
	}))
	if err := runner.Submit(context.Background(), handle); err != nil {
		log.Print(err)
	}
	if found, ok := runner.Lookup(handle.ID()); ok {
		fmt.Println(found.Wait(context.Background()))
	}
	fmt.Println(handle.State(), handle.Info().Progress)
	_ = runner.Shutdown(context.Background())
	// Output:
	// <nil>
	// succeeded 12 of 12 months
}

func ExampleRunner_Tasks() {
	runner := background.NewRunner(background.RunnerOptions{})
	release := make(chan struct{})
	waits := background.Define("waits", func(context.Context, int) error {
		<-release
		return nil
	})
	if err := runner.Submit(context.Background(), waits.Task(1)); err != nil {
		log.Print(err)
	}
	for task := range runner.Tasks() {
		fmt.Println(task.Name, task.State, task.Attempt)
	}
	close(release)
	_ = runner.Shutdown(context.Background())
	for _, kind := range runner.Kinds() {
		fmt.Println(kind.Succeeded, kind.Durations.Count())
	}
	// Output:
	// waits running 1
	// 1 1
}

func ExampleRunner_Use() {
	runner := background.NewRunner(background.RunnerOptions{})
	runner.Use(func(ctx context.Context, task *background.Task, run func(context.Context) error) error {
		err := run(ctx)
		fmt.Printf("%s, attempt %d: %v\n", task.Name(), background.Attempt(ctx), err)
		return err
	})
	if err := runner.Submit(context.Background(), background.Func("fails", func(context.Context) error {
		return errors.New("no such inbox")
	})); err != nil {
		log.Print(err)
	}
	if err := runner.Idle(context.Background()); err != nil {
		log.Print(err)
	}
	_ = runner.Shutdown(context.Background())
	// Output:
	// fails, attempt 1: no such inbox
}
