// Webhook takes events whose sender signs the bytes of the body. A middleware
// looks at the signature before anybody reads the body; the handler is a typed
// one as ever.
//
//	SECRET=s3cret go run ./examples/webhook
//
//	now=$(date +%s)
//	body='{"id":"evt_1","type":"order.paid"}'
//	mac=$(printf '%s.%s' $now "$body" | openssl dgst -sha256 -hmac s3cret -hex | cut -d' ' -f2)
//	curl -i http://127.0.0.1:8080/hooks -H 'Content-Type: application/json' -H "X-Signature: t=$now,v1=$mac" -d "$body"
//	HTTP/1.1 204 No Content
//
// and its log says
//
//	2026/11/27 23:58:10 evt_1: order.paid
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// tolerance is how old a signature may be: whoever has recorded a request
// can't send it again later.
const tolerance = 5 * time.Minute

var errSignature = responses.NewProblem(401, "the signature in X-Signature is not that of the body, or too old")

// requireSignature lets requests pass whose body is signed with the secret. The
// field is "t=SECONDS,v1=HEX", and what is signed is "SECONDS.BODY".
func requireSignature(secret []byte, now func() time.Time) routing.Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			seconds, signature, _ := strings.Cut(string(raw.Request.Header.Peek("X-Signature")), ",")
			seconds, dated := strings.CutPrefix(seconds, "t=")
			signature, versioned := strings.CutPrefix(signature, "v1=")
			claimed, err := hex.DecodeString(signature)
			if !dated || !versioned || err != nil || !isFresh(seconds, now()) {
				responses.WriteProblem(raw, errSignature)
				return
			}
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(seconds + "."))
			mac.Write(raw.PostBody()) // byte for byte as it was sent
			if !hmac.Equal(claimed, mac.Sum(nil)) {
				responses.WriteProblem(raw, errSignature)
				return
			}
			next(raw)
		}
	}
}

func isFresh(seconds string, now time.Time) bool {
	at, err := strconv.ParseInt(seconds, 10, 64)
	return err == nil && now.Sub(time.Unix(at, 0)).Abs() <= tolerance
}

type event struct {
	ID   string `json:"id" validate:"required,min=1"`
	Type string `json:"type" validate:"required,min=1"`
}

// inbox has the events that came in. This one lies in memory; a table with a
// unique key does the same for good.
type inbox struct {
	mu    sync.Mutex
	taken map[string]bool
	log   *log.Logger
}

// signed describes what the middleware answers, which the types of a route don't say.
var signed = openapi.Describe(openapi.Operation{
	Responses: map[int]openapi.Response{401: {Description: "The signature is wrong, or too old"}},
})

func newApp(i *inbox, secret []byte, now func() time.Time) *velithon.App {
	app := velithon.New(velithon.Options{})
	hooks := app.Group("/hooks", requireSignature(secret, now))
	hooks.Post("", i.take, routing.BodyLimit(256<<10), signed)
	hooks.Post("/raw", i.keep, routing.BodyLimit(256<<10), signed)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Webhooks",
		Version:     "1.0.0",
		Description: "Takes events that their sender has signed.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// take answers before the event is worked on, since senders give up soon. They
// send again what they got no answer for, so an event that is here already is
// answered alike.
func (i *inbox) take(_ context.Context, in event) (responses.NoContentResponse, error) {
	response := responses.NoContent()
	if i.add(in.ID) {
		response.Background = background.NewTask(i.process, in).Named("process event")
	}
	return response, nil
}

func (i *inbox) add(id string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.taken[id] {
		return false
	}
	i.taken[id] = true
	return true
}

// keep takes a body of any type as it was sent. Its input reads no body, so
// nobody decodes one.
func (i *inbox) keep(ctx context.Context, in struct {
	Type string `header:"Content-Type" validate:"required"`
},
) (responses.NoContentResponse, error) {
	raw, err := routing.RequestCtx(ctx)
	if err != nil {
		return responses.NoContent(), err
	}
	body := bytes.Clone(raw.PostBody()) // the request's own memory is used again
	response := responses.NoContent()
	response.Background = background.Func("keep a body", func(context.Context) error {
		i.log.Printf("%d bytes of %s", len(body), in.Type)
		return nil
	})
	return response, nil
}

func (i *inbox) process(_ context.Context, e event) error {
	i.log.Printf("%s: %s", e.ID, e.Type)
	return nil
}

func main() {
	secret := os.Getenv("SECRET")
	if secret == "" {
		log.Fatal("SECRET is not set: everybody could sign")
	}
	i := &inbox{taken: map[string]bool{}, log: log.Default()}
	if err := newApp(i, []byte(secret), time.Now).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
