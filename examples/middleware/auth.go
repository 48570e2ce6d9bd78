package main

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// apiKeys are the customers by the hashes of their keys. To look a hash up takes
// a time that tells nothing about the keys.
type apiKeys map[[sha256.Size]byte]string

func hashOf(key string) [sha256.Size]byte { return sha256.Sum256([]byte(key)) }

type customerKey struct{}

// customerOf returns who made the request that ctx comes from, in a handler and
// in its tasks.
func customerOf(ctx context.Context) string {
	customer, _ := ctx.Value(customerKey{}).(string)
	return customer
}

var errNoKey = &responses.Problem{
	Status: 401,
	Detail: "an API key is needed, in the header Authorization: Bearer KEY",
	Header: responses.Header{"WWW-Authenticate": {`Bearer realm="api"`}},
}

// requireKey lets those pass who have an API key, and stores whose it is.
func requireKey(keys apiKeys) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			scheme, key, _ := strings.Cut(string(raw.Request.Header.Peek("Authorization")), " ")
			customer, ok := keys[hashOf(key)]
			if !ok || !strings.EqualFold(scheme, "Bearer") {
				responses.WriteProblem(raw, errNoKey)
				return
			}
			raw.SetUserValue(customerKey{}, customer)
			next(raw)
		}
	}
}
