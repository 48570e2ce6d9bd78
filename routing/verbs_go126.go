//go:build !go1.27

package routing

import "github.com/valyala/fasthttp"

// Before Go 1.27 a method can't have type parameters, so the verbs take any
// value and check at registration what the compiler checks from 1.27 on. The
// same source compiles on both.

// Get adds a handler, a func(context.Context, In) (Out, error), for GET
// requests to the pattern path; see [Router.Handle]. It panics when handler has
// another shape.
func (r *Router) Get(path string, handler any, options ...Option) {
	r.addAny(fasthttp.MethodGet, path, handler, options)
}

// Post adds a handler, a func(context.Context, In) (Out, error), for POST
// requests to the pattern path; see [Router.Handle]. It panics when handler has
// another shape.
func (r *Router) Post(path string, handler any, options ...Option) {
	r.addAny(fasthttp.MethodPost, path, handler, options)
}

// Put adds a handler, a func(context.Context, In) (Out, error), for PUT
// requests to the pattern path; see [Router.Handle]. It panics when handler has
// another shape.
func (r *Router) Put(path string, handler any, options ...Option) {
	r.addAny(fasthttp.MethodPut, path, handler, options)
}

// Patch adds a handler, a func(context.Context, In) (Out, error), for PATCH
// requests to the pattern path; see [Router.Handle]. It panics when handler has
// another shape.
func (r *Router) Patch(path string, handler any, options ...Option) {
	r.addAny(fasthttp.MethodPatch, path, handler, options)
}

// Delete adds a handler, a func(context.Context, In) (Out, error), for DELETE
// requests to the pattern path; see [Router.Handle]. It panics when handler has
// another shape.
func (r *Router) Delete(path string, handler any, options ...Option) {
	r.addAny(fasthttp.MethodDelete, path, handler, options)
}

// Head adds a handler, a func(context.Context, In) (Out, error), for HEAD
// requests to the pattern path; see [Router.Handle]. It panics when handler has
// another shape.
func (r *Router) Head(path string, handler any, options ...Option) {
	r.addAny(fasthttp.MethodHead, path, handler, options)
}

// Options adds a handler, a func(context.Context, In) (Out, error), for OPTIONS
// requests to the pattern path; see [Router.Handle]. It panics when handler has
// another shape.
func (r *Router) Options(path string, handler any, options ...Option) {
	r.addAny(fasthttp.MethodOptions, path, handler, options)
}

// addAny is Add for a handler of any type.
func (r *Router) addAny(method, pattern string, handler any, options []Option) {
	endpoint, err := reflected(handler)
	if err == nil {
		err = r.add(method, pattern, endpoint, options)
	}
	if err != nil {
		panic(registrationError(method, r.group.prefix+pattern, endpoint, err))
	}
}
