package main

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"log/slog"
	"strings"

	"github.com/riverqueue/river"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
	"riverqueue.com/riverui"
)

// jobsPage is the engine's own page about the tasks, for a path.
func jobsPage(ctx context.Context, client *river.Client[*sql.Tx], path string) (fasthttp.RequestHandler, error) {
	page, err := riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(client, nil),
		Logger:    slog.New(slog.DiscardHandler),
		Prefix:    path,
	})
	if err != nil {
		return nil, err
	}
	if err := page.Start(ctx); err != nil {
		return nil, err
	}
	return fasthttpadaptor.NewFastHTTPHandler(page), nil
}

// mount has a handler answer a path and all below it.
func mount(path string, h fasthttp.RequestHandler) func(fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if p := string(raw.Path()); p == path || strings.HasPrefix(p, path+"/") {
				h(raw)
				return
			}
			next(raw)
		}
	}
}

// onlyFor asks for a name and a password. Without a password nobody comes in.
func onlyFor(name, password string, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	want := []byte("Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
	return func(raw *fasthttp.RequestCtx) {
		have := raw.Request.Header.Peek(fasthttp.HeaderAuthorization)
		if password == "" || subtle.ConstantTimeCompare(have, want) != 1 {
			raw.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, `Basic realm="jobs"`)
			raw.SetStatusCode(fasthttp.StatusUnauthorized)
			return
		}
		next(raw)
	}
}
