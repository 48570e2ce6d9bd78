// Service is what the trial of cross-site requests calls from pages of several origins: a
// name that whoever has the cookie may change. It is started by .ci/browser.
package main

import (
	"context"
	"flag"
	"log"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// The cookie is sent with requests of all sites, as that of a shop which others embed: so
// it does not protect by itself. Browsers take Secure from a loopback address.
const (
	secret = "7f1d0c52b9" //nolint:gosec // of a trial
	cookie = "session=" + secret + "; Path=/; HttpOnly; Secure; SameSite=None"
)

// form is a page of the service's own.
const form = `<!doctype html><title>Name</title><form method="post" action="/name"><input name="name"><button>Change</button></form>`

type state struct {
	Name    string `json:"name"`
	Changes int    `json:"changes"`
	Reason  string `json:"reason"` // of the last change
}

type service struct {
	mu    sync.Mutex // guards state
	state state
}

func (s *service) change(name, reason string) state {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state{name, s.state.Changes + 1, reason}
	return s.state
}

func (s *service) show(context.Context, struct{}) (state, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, nil
}

func (s *service) put(_ context.Context, in struct {
	Reason string `header:"X-Reason"`
	Body   struct {
		Name string `json:"name"`
	} `body:""`
},
) (responses.ContentResponse[state], error) {
	answer := responses.Content(s.change(in.Body.Name, in.Reason))
	answer.Header = responses.Header{"X-Changed": {"yes"}}
	return answer, nil
}

func (s *service) post(_ context.Context, in struct {
	Name string `form:"name"`
},
) (state, error) {
	return s.change(in.Name, ""), nil
}

type user struct{}

func known(_ context.Context, in struct {
	Session string `cookie:"session"`
},
) (user, error) {
	if in.Session != secret {
		return user{}, responses.NewProblem(401, "log in first")
	}
	return user{}, nil
}

func logIn(context.Context, struct{}) (responses.HTMLResponse, error) {
	answer := responses.HTML(form)
	answer.Header = responses.Header{"Set-Cookie": {cookie}}
	return answer, nil
}

// arrivals logs what the browser has sent.
func arrivals(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		sent := "no cookie"
		if len(raw.Request.Header.Cookie("session")) > 0 {
			sent = "the cookie"
		}
		log.Printf("arrived: %s %s with %s", raw.Method(), raw.Path(), sent)
		next(raw)
	}
}

// newApp trusts the pages of one other origin.
func newApp(friend string) *velithon.App {
	cors := middleware.NewCORS(middleware.CORSOptions{
		Origins: []string{friend}, Credentials: true,
		Headers: []string{"Content-Type", "X-Reason"}, Expose: []string{"X-Changed"},
	})
	app := velithon.New(velithon.Options{OnRefused: cors.OnRefused})
	app.Use(arrivals, cors.Middleware, middleware.CrossOriginProtection(friend))
	app.Get("/", logIn)
	s := new(service)
	names := app.Group("/name")
	routing.Provide(names, known, routing.Everywhere())
	names.Get("", s.show)
	names.Put("", s.put)
	names.Post("", s.post)
	return app
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where to listen")
	friend := flag.String("friend", "", "an origin whose pages may call")
	flag.Parse()
	if err := newApp(*friend).Run(*address); err != nil {
		log.Fatal(err)
	}
}
