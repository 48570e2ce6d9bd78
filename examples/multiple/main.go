// Multiple runs two tasks together and waits for both before it answers.
//
//	go run ./examples/multiple
//
//	curl -X POST 'http://127.0.0.1:8080/user-action?action=login&user_id=7'
//	{"message":"Action completed"}
//
// and its log says, in this order or the other
//
//	2026/11/23 21:26:34 User 7 performed: login
//	2026/11/23 21:26:34 Analytics updated for: login
package main

import (
	"context"
	"log"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
)

// userAction is the input of /user-action, from the query string.
type userAction struct {
	Action string `query:"action" validate:"required,min=1"`
	UserID int    `query:"user_id" validate:"required,min=1"`
}

type reply struct {
	Message string `json:"message"`
}

// tracker notes what users do. This one writes it to a log.
type tracker struct {
	log *log.Logger
}

func newApp(t *tracker) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/user-action", t.userAction)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "User actions",
		Version:     "1.0.0",
		Description: "Notes what users do.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// userAction answers when both tasks have ended. They run at the same time, on
// the goroutine of the request and one more.
func (t *tracker) userAction(ctx context.Context, in userAction) (reply, error) {
	var tasks background.Tasks
	tasks.Add(background.NewTask(t.logAction, in))
	tasks.Add(background.NewTask(t.updateAnalytics, in.Action))
	if err := tasks.Run(ctx); err != nil {
		return reply{}, err // answered 500; what went wrong is told to the log only
	}
	return reply{"Action completed"}, nil
}

func (t *tracker) logAction(_ context.Context, in userAction) error {
	t.log.Printf("User %d performed: %s", in.UserID, in.Action)
	return nil
}

func (t *tracker) updateAnalytics(_ context.Context, action string) error {
	t.log.Printf("Analytics updated for: %s", action)
	return nil
}

func main() {
	if err := newApp(&tracker{log.Default()}).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
