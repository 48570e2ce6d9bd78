// Package middleware has what a service on the open internet needs around its handlers:
// each is a file, and can be used without the others. Those with the type
// [routing.Middleware] go to Use of an app or a group, those in Auth files to
// [routing.Provide].
package middleware
