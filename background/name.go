package background

import (
	"reflect"
	"runtime"
	"strings"
)

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
