// Package background runs work that nobody waits for: the mail after an order,
// the thumbnail after an upload. It knows nothing of HTTP and can be used on
// its own.
//
// A [Task] is one function call, a [Tasks] is a collection of them. Both have a
// Run method, which runs them now; a [Runner] runs them later, on a bounded
// number of goroutines:
//
//	runner := background.NewRunner(background.RunnerOptions{})
//	err := runner.Submit(ctx, background.NewTask(sendMail, Mail{To: "ada@example.org"}))
//	...
//	err = runner.Shutdown(ctx) // finishes what was accepted
//
// # Concurrency
//
// A Runner is safe for use by any number of goroutines. A Task and a Tasks are
// built by one goroutine and left alone from then on: whoever runs or submits
// one must not change it afterwards. A Task that has been built may be run any
// number of times, also at once, if its function allows that.
//
// # Limits
//
// Work lives in memory only. It survives the end of the request that submitted
// it and, through [Runner.Shutdown], an orderly end of the process, but not a
// crash. A function that ignores its context cannot be stopped: Go has no way
// to end a goroutine from the outside.
package background
