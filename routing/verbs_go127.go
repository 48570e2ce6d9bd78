//go:build go1.27

package routing

import (
	"context"

	"github.com/valyala/fasthttp"
)

// The verbs are generic methods, which Go has since 1.27: the compiler checks
// the shape of the handler, and calling it costs no reflection.

// Get adds a handler for GET requests to the pattern path; see [Router.Handle].
func (r *Router) Get[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Handle(fasthttp.MethodGet, path, NewEndpoint(handler), options...)
}

// Post adds a handler for POST requests to the pattern path; see [Router.Handle].
func (r *Router) Post[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Handle(fasthttp.MethodPost, path, NewEndpoint(handler), options...)
}

// Put adds a handler for PUT requests to the pattern path; see [Router.Handle].
func (r *Router) Put[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Handle(fasthttp.MethodPut, path, NewEndpoint(handler), options...)
}

// Patch adds a handler for PATCH requests to the pattern path; see [Router.Handle].
func (r *Router) Patch[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Handle(fasthttp.MethodPatch, path, NewEndpoint(handler), options...)
}

// Delete adds a handler for DELETE requests to the pattern path; see [Router.Handle].
func (r *Router) Delete[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Handle(fasthttp.MethodDelete, path, NewEndpoint(handler), options...)
}

// Head adds a handler for HEAD requests to the pattern path; see [Router.Handle].
func (r *Router) Head[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Handle(fasthttp.MethodHead, path, NewEndpoint(handler), options...)
}

// Options adds a handler for OPTIONS requests to the pattern path; see [Router.Handle].
func (r *Router) Options[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Handle(fasthttp.MethodOptions, path, NewEndpoint(handler), options...)
}
