// Package routing binds typed handlers to routes.
//
// A handler is a plain function of one shape:
//
//	func(ctx context.Context, in In) (Out, error)
//
// In is decoded and validated by package params, struct{} for none; Out is
// plain content, which is answered as JSON, or a [responses.Response]. An
// error becomes a problem (RFC 9457). A handler is compiled into its route
// once, at registration; mistakes in it panic there with the route, the type
// and the remedy.
//
// What a handler needs to know that no client may say, such as who makes the request, is
// made by a function that [Provide] was given, for the fields with the tag `provide:""`.
//
// # Background work
//
// A response may carry background work. It is handed to the application's
// runner when the response has been written and flushed, or when it turned out
// that the client is gone or, by TimeoutError, was not waited for. It is not run
// when the handler or a middleware panicked, or when a middleware answered a
// failure (400 or more) in place of a success; the log names it then.
//
// # Context
//
// The context of a handler is its own memory: it may be kept by any goroutine
// for any time. It carries the request id ([RequestID]) and the user values
// that middleware set before the handler ran, under their keys. It is
// cancelled when the request ends or its timeout passes. The raw request is
// there until then, see [RequestCtx].
package routing
