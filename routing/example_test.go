package routing_test

import (
	"context"
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A licence may be used by one request at a time.
type licence struct{ number int }

type licences struct{ free chan licence }

// lease takes a licence, which goes back when the request ends.
func (l *licences) lease(ctx context.Context, _ struct{}) (licence, error) {
	select {
	case taken := <-l.free:
		context.AfterFunc(ctx, func() { l.free <- taken })
		return taken, nil
	case <-ctx.Done(): // the route's Timeout
		return licence{}, ctx.Err()
	}
}

func ExampleProvide() {
	runner := background.NewRunner(background.RunnerOptions{})
	defer func() { _ = runner.Shutdown(context.Background()) }()
	router := routing.New(routing.Options{Runner: runner})
	all := &licences{make(chan licence, 1)}
	all.free <- licence{7}

	routing.Provide(router, all.lease)
	router.Handle("GET", "/", routing.NewEndpoint(func(_ context.Context, in struct {
		Licence licence `provide:""`
	},
	) (responses.TextResponse, error) {
		return responses.Text(fmt.Sprint("with licence ", in.Licence.number)), nil
	}))
	handle := routing.Build(router).ServeRequest
	for range 3 {
		var raw fasthttp.RequestCtx
		handle(&raw)
		fmt.Println(string(raw.Response.Body()))
	}
	fmt.Println("back:", (<-all.free).number)
	// Output:
	// with licence 7
	// with licence 7
	// with licence 7
	// back: 7
}

func ExampleSecured() {
	// A session of the pages, or a token of other programs.
	session := routing.APIKey("session", params.Cookie, "session")
	token := routing.OAuth2("token", routing.OAuthFlow{
		Kind:     "clientCredentials",
		TokenURL: "https://id.example/token",
		Scopes:   map[string]string{"orders": "read and change orders"},
	})
	userOf := func(_ context.Context, in struct {
		Session       string `cookie:"session"`
		Authorization string `header:"Authorization"`
	},
	) (user, error) {
		return user{in.Session + in.Authorization}, nil // here they would be checked
	}

	runner := background.NewRunner(background.RunnerOptions{})
	defer func() { _ = runner.Shutdown(context.Background()) }()
	router := routing.New(routing.Options{Runner: runner})
	routing.Provide(router, userOf, routing.Secured(session), routing.Secured(token, "orders"))
	router.Handle("GET", "/orders", routing.NewEndpoint(who), routing.Guarded(session), routing.Guarded(token, "orders"))

	for _, route := range router.Routes() {
		for _, way := range route.Security() {
			for _, requirement := range way {
				fmt.Println(route.Pattern, requirement.Scheme.Name, requirement.Scopes)
			}
		}
	}
	// Output:
	// /orders session []
	// /orders token [orders]
}
