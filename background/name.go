package background

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// Summary names the tasks of some work for a log record: their first 50 different
// names, each with how often it is there if that is more than once, and how many
// tasks have other names. A [Runnable] of the user's own kind has the name of its
// type, such as "*shop.Report". Work that is nil has none.
func Summary(work Runnable) (names []string, more int) {
	switch work := work.(type) {
	case nil:
		return nil, 0
	case *Tasks:
		if work != nil {
			return summary(work.tasks)
		}
		return nil, 0
	case *Task:
		if work != nil {
			return []string{work.Name()}, 0
		}
		return nil, 0
	default:
		return []string{fmt.Sprintf("%T", work)}, 0
	}
}

// functionName returns the name of the function f without the path of its
// package: "shop.sendMail" for "example.org/go/shop.sendMail".
func functionName(f any) string {
	return shortName(runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name())
}

// shortName cuts what a reader of logs does not need from a function's full
// name: the path before the package, and the "-fm" which marks a method value.
func shortName(full string) string {
	// Type arguments are printed as "[...]", so the last slash is the path's.
	short := full[strings.LastIndexByte(full, '/')+1:]
	return strings.TrimSuffix(short, "-fm")
}
