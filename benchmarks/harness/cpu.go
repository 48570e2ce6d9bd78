//go:build unix

package harness

import (
	"syscall"
	"time"
)

// ProcessorTime returns the time that this process has spent on all
// processors. Unlike the time on the clock it has the garbage collector's work
// on other processors in it, and none of other processes.
func ProcessorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // only for a wrong argument
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
