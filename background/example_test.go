package background_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/velithon-go/velithon/background"
)

type Mail struct{ To, Subject string }

func sendMail(_ context.Context, m Mail) error {
	fmt.Printf("to %s: %s\n", m.To, m.Subject)
	return nil
}

func ExampleNewTask() {
	task := background.NewTask(sendMail, Mail{"ada@example.org", "Your order"}).
		WithTimeout(10 * time.Second).
		WithRetry(background.Retry{Attempts: 3})
	fmt.Println(task.Name())
	if err := task.Run(context.Background()); err != nil {
		log.Print(err)
	}
	// Output:
	// background_test.sendMail
	// to ada@example.org: Your order
}

func ExampleTasks_Run() {
	tasks := background.Tasks{MaxConcurrent: 1, StopOnError: true}
	tasks.Add(background.NewTask(sendMail, Mail{"ada@example.org", "Your order"}))
	tasks.Add(background.Func("take from stock", func(context.Context) error {
		return errors.New("none left")
	}))
	tasks.Add(background.NewTask(sendMail, Mail{"stock@example.org", "Taken"}).Named("tell stock"))
	fmt.Println(tasks.Run(context.Background()))
	// Output:
	// to ada@example.org: Your order
	// background: task "take from stock": none left
	// background: 1 task never ran: "tell stock"
}

func ExampleRunner() {
	ctx := context.Background()
	runner := background.NewRunner(background.RunnerOptions{Workers: 4})
	err := runner.Submit(ctx, background.NewTask(sendMail, Mail{"ada@example.org", "Your order"}))
	if err != nil {
		log.Print(err)
	}

	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := runner.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	fmt.Println(runner.Stats().Succeeded, "done")
	// Output:
	// to ada@example.org: Your order
	// 1 done
}

// A reservation parts what may be refused from what was promised.
func ExampleRunner_Reserve() {
	ctx := context.Background()
	runner := background.NewRunner(background.RunnerOptions{Overflow: background.Reject})
	reservation, err := runner.Reserve(background.NewTask(sendMail, Mail{"ada@example.org", "Your order"}))
	if err != nil {
		fmt.Println("503, try again later")
		return
	}
	fmt.Println("201, a mail is on its way")
	if err := reservation.Start(ctx, nil); err != nil {
		log.Print(err)
	}
	_ = runner.Shutdown(ctx)
	// Output:
	// 201, a mail is on its way
	// to ada@example.org: Your order
}
