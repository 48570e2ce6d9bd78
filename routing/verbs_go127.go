//go:build go1.27

package routing

import (
	"context"

	"github.com/valyala/fasthttp"
)

// The verbs are generic methods, which Go has since 1.27: the compiler checks
// the shape of the handler, and calling it costs no reflection.

// Get adds a handler for GET requests to the pattern path; see [Router.Add].
func (r *Router) Get[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Add(fasthttp.MethodGet, path, Handle(handler), options...)
}

// Post adds a handler for POST requests to the pattern path; see [Router.Add].
func (r *Router) Post[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Add(fasthttp.MethodPost, path, Handle(handler), options...)
}

// Put adds a handler for PUT requests to the pattern path; see [Router.Add].
func (r *Router) Put[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Add(fasthttp.MethodPut, path, Handle(handler), options...)
}

// Patch adds a handler for PATCH requests to the pattern path; see [Router.Add].
func (r *Router) Patch[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Add(fasthttp.MethodPatch, path, Handle(handler), options...)
}

// Delete adds a handler for DELETE requests to the pattern path; see [Router.Add].
func (r *Router) Delete[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Add(fasthttp.MethodDelete, path, Handle(handler), options...)
}

// Head adds a handler for HEAD requests to the pattern path; see [Router.Add].
func (r *Router) Head[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Add(fasthttp.MethodHead, path, Handle(handler), options...)
}

// Options adds a handler for OPTIONS requests to the pattern path; see [Router.Add].
func (r *Router) Options[In, Out any](path string, handler func(ctx context.Context, in In) (Out, error), options ...Option) {
	r.Add(fasthttp.MethodOptions, path, Handle(handler), options...)
}
