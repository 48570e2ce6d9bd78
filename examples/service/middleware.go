package main

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type customerKey struct{}

// customerOf returns who made the request that ctx comes from.
func customerOf(ctx context.Context) string {
	customer, _ := ctx.Value(customerKey{}).(string)
	return customer
}

var errNoKey = &responses.Problem{
	Status: fasthttp.StatusUnauthorized,
	Detail: "an API key is needed, in the header Authorization: Bearer KEY",
	Header: responses.Header{fasthttp.HeaderWWWAuthenticate: {`Bearer realm="orders"`}},
}

// requireKey lets those pass who have an API key, and tells the handlers whose
// it is.
func requireKey(keys apiKeys) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			scheme, key, _ := strings.Cut(string(raw.Request.Header.Peek(fasthttp.HeaderAuthorization)), " ")
			customer, ok := keys[sha256.Sum256([]byte(key))]
			if !ok || !strings.EqualFold(scheme, "Bearer") {
				responses.WriteProblem(raw, errNoKey)
				return
			}
			raw.SetUserValue(customerKey{}, customer)
			next(raw)
		}
	}
}
