// Patch changes what a client sends and leaves the rest: a member that is absent
// stays, null clears it, and a value is validated and set.
//
//	go run ./examples/patch
//
//	curl -X PATCH http://127.0.0.1:8080/users/7 -H 'Content-Type: application/merge-patch+json' -d '{"phone":null}'
//	{"name":"Ada","email":"ada@example.org","phone":null}
//
//	curl -X PATCH http://127.0.0.1:8080/users/7 -H 'Content-Type: application/merge-patch+json' -d '{"email":null}'
//	{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/email","code":"type","detail":"must not be null"}]}
package main

import (
	"context"
	"log"
	"sync"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type user struct {
	Name  string  `json:"name"`
	Email string  `json:"email"`
	Phone *string `json:"phone"`
}

// patch is the input. Only an Optional of a pointer may be null.
type patch struct {
	ID   int `path:"id"`
	User struct {
		Name  params.Optional[string]  `json:"name" validate:"min=1,max=100"`
		Email params.Optional[string]  `json:"email" validate:"email"`
		Phone params.Optional[*string] `json:"phone" validate:"e164"`
	} `body:"" validate:"required"`
}

var mayLack = openapi.Describe(openapi.Operation{
	Responses: map[int]openapi.Response{404: {Description: "There is no such user"}},
})

var errNoUser = responses.NewProblem(404, "no such user")

type users struct {
	mu   sync.Mutex
	byID map[int]user
}

func newApp(u *users) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Patch("/users/{id}", u.change, routing.RejectUnknown(), mayLack)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Users",
		Version:     "1.0.0",
		Description: "Changes what is known of users, a member at a time.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func (u *users) change(_ context.Context, in patch) (user, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	changed, ok := u.byID[in.ID]
	if !ok {
		return user{}, errNoUser
	}
	in.User.Name.ApplyTo(&changed.Name)
	in.User.Email.ApplyTo(&changed.Email)
	in.User.Phone.ApplyTo(&changed.Phone)
	u.byID[in.ID] = changed
	return changed, nil
}

func main() {
	phone := "+441234567890"
	u := &users{byID: map[int]user{7: {"Ada", "ada@example.org", &phone}}}
	if err := newApp(u).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
