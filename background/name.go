package background

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// Names returns the names of the tasks of some work, in their order. A
// [Runnable] of the user's own kind has the name of its type, such as
// "*shop.Report". Work that is nil has none.
func Names(work Runnable) []string {
	switch work := work.(type) {
	case nil:
		return nil
	case *Tasks:
		if work != nil {
			return names(work.tasks)
		}
		return nil
	case *Task:
		if work != nil {
			return []string{work.Name()}
		}
		return nil
	default:
		return []string{fmt.Sprintf("%T", work)}
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
