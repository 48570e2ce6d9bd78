// Users is a service that wants to know who makes a request: by a token, for a whole
// group, with something that only administrators may do.
//
//	ADA=secret go run ./examples/users
//
//	curl http://127.0.0.1:8080/api/notes -H 'Authorization: Bearer secret'
//	{"1":"buy milk"}
//
// Without the token, whatever else is wrong with the request:
//
//	curl -i -X DELETE http://127.0.0.1:8080/api/notes/x
//	HTTP/1.1 401 Unauthorized
//	Www-Authenticate: Bearer realm="token"
//	…
//
//	{"title":"Unauthorized","status":401,"detail":"credentials are needed: Bearer credentials in the header Authorization"}
//
// http://127.0.0.1:8080/docs describes it, and asks for the token.
package main

import (
	"context"
	"crypto/sha256"
	"log"
	"maps"
	"os"
	"strings"
	"sync"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A user is who makes a request.
type user struct {
	Name  string
	Admin bool
}

// credentials is what a request is known by.
type credentials struct {
	Authorization string `header:"Authorization"`
}

var (
	token         = routing.Bearer("token", "")
	errWrongToken = responses.NewProblem(401, "the token is not known")
)

// userOf returns who makes a request. Tokens are stored as hashes: to look one up takes a
// time that tells nothing about them.
func (s *service) userOf(_ context.Context, in credentials) (user, error) {
	_, secret, _ := strings.Cut(in.Authorization, " ")
	u, ok := s.users[sha256.Sum256([]byte(secret))]
	if !ok {
		return user{}, errWrongToken
	}
	return u, nil
}

// An admin is a user who may do everything.
type admin struct{ user }

var errNotAdmin = responses.NewProblem(403, "only an administrator may do this")

func adminOf(_ context.Context, in struct {
	User user `provide:""`
},
) (admin, error) {
	if !in.User.Admin {
		return admin{}, errNotAdmin
	}
	return admin{in.User}, nil
}

// service has notes.
type service struct {
	users map[[sha256.Size]byte]user // by the hashes of their tokens

	mu    sync.Mutex // guards notes
	notes map[int]string
}

func newApp(s *service) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Get("/health", health)

	api := app.Group("/api")
	routing.Provide(api, s.userOf, routing.Secured(token), routing.Everywhere())
	routing.Provide(api, adminOf, routing.Secured(token, "admin"))
	api.Get("/me", me)
	api.Get("/notes", s.list)
	api.Delete("/notes/{id}", s.remove, routing.Guarded(token, "admin"), routing.Status(204))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Notes",
		Version:     "1.0.0",
		Description: "Keeps notes for its users.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

func health(context.Context, struct{}) (string, error) { return "well", nil }

func me(_ context.Context, in struct {
	User user `provide:""`
},
) (responses.TextResponse, error) {
	return responses.Text("You are " + in.User.Name), nil
}

// list is for all users, and need not know which.
func (s *service) list(context.Context, struct{}) (map[int]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.notes), nil
}

type removal struct {
	By admin `provide:""`
	ID int   `path:"id"`
}

func (s *service) remove(_ context.Context, in removal) (responses.TextResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log.Printf("Note %d is removed by %s", in.ID, in.By.Name)
	delete(s.notes, in.ID)
	return responses.Text(""), nil
}

func main() {
	secret := os.Getenv("ADA")
	if secret == "" {
		log.Fatal("ADA is not set: nobody could use the service")
	}
	s := &service{
		users: map[[sha256.Size]byte]user{sha256.Sum256([]byte(secret)): {Name: "ada", Admin: true}},
		notes: map[int]string{1: "buy milk"},
	}
	if err := newApp(s).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
