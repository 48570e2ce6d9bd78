// Patch changes what a client sends and leaves the rest: a member that is absent
// stays, null clears it, and a value is validated and set.
//
//	go run ./examples/patch
//
//	curl -X PATCH http://127.0.0.1:8080/users/7 -H 'Content-Type: application/merge-patch+json' -d '{"phone":null}'
//	{"name":"Ada","email":"ada@example.org","phone":null}
//
//	curl -X PATCH http://127.0.0.1:8080/users/7 -H 'Content-Type: application/merge-patch+json' -d '{"email":null}'
//	{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"}]}
package main

import (
	"context"
	"encoding/json"
	"log"
	"reflect"
	"sync"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
)

// A change is a member of a patch: nil where it is absent, empty for null, and
// else a list of the one value.
type change[T any] []T

// UnmarshalJSON is called for a member that is there, a null included.
func (c *change[T]) UnmarshalJSON(text []byte) error {
	var value *T
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	*c = change[T]{}
	if value != nil {
		*c = change[T]{*value}
	}
	return nil
}

// set changes a member that can't be null.
func (c change[T]) set(to *T) {
	if len(c) == 1 {
		*to = c[0]
	}
}

// setOrClear changes a member that can be null.
func (c change[T]) setOrClear(to **T) {
	switch {
	case len(c) == 1:
		*to = &c[0]
	case c != nil:
		*to = nil
	}
}

// judged tells the validator which value a change stands for.
func judged(c reflect.Value) any {
	if c.Len() == 1 {
		return c.Index(0).Interface()
	}
	return nil
}

type user struct {
	Name  string  `json:"name"`
	Email string  `json:"email"`
	Phone *string `json:"phone"`
}

// patch is the input. Behind omitempty a null is judged, and refused; omitzero
// lets it pass.
type patch struct {
	ID   int `path:"id"`
	User struct {
		Name  change[string] `json:"name" validate:"omitempty,min=1,max=100"`
		Email change[string] `json:"email" validate:"omitempty,email"`
		Phone change[string] `json:"phone" validate:"omitzero,e164"`
	} `body:"" validate:"required"`
}

var errNoUser = responses.NewProblem(404, "no such user")

type users struct {
	mu   sync.Mutex
	byID map[int]user
}

func newApp(u *users) *velithon.App {
	v := params.NewValidator()
	v.RegisterCustomTypeFunc(judged, change[string]{})
	app := velithon.New(velithon.Options{Validator: v})
	app.Patch("/users/{id}", u.change)
	return app
}

func (u *users) change(_ context.Context, in patch) (user, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	changed, ok := u.byID[in.ID]
	if !ok {
		return user{}, errNoUser
	}
	in.User.Name.set(&changed.Name)
	in.User.Email.set(&changed.Email)
	in.User.Phone.setOrClear(&changed.Phone)
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
