// Basic answers a request and sends a mail afterwards: the response carries
// one background task.
//
//	go run ./examples/basic
//
//	curl -X POST 'http://127.0.0.1:8080/send-notification?email=ada@example.org&message=Hello'
//	{"message":"Notification queued"}
//
// and its log says
//
//	2026/11/23 21:26:32 Sending email to ada@example.org: Hello
//
// A value that is wrong or missing is told to the client:
//
//	curl -X POST 'http://127.0.0.1:8080/send-notification?email=ada&message=Hello'
//	{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"query","name":"email","code":"email","detail":"must be an e-mail address"}]}
package main

import (
	"context"
	"log"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
)

// notification is the input of /send-notification: both values come from the
// query string. Whoever sends none of them, or no address, is answered 422.
type notification struct {
	Email   string `query:"email" validate:"required,email"`
	Message string `query:"message" validate:"required,min=1"`
}

type reply struct {
	Message string `json:"message"`
}

// notifier sends notifications. This one writes them to a log.
type notifier struct {
	log *log.Logger
}

func newApp(n *notifier) *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/send-notification", n.sendNotification)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{
		Title:       "Notifications",
		Version:     "1.0.0",
		Description: "Sends notifications by mail.",
		Contact:     openapi.Contact{Name: "The team", Email: "team@example.org"},
	}})
	return app
}

// sendNotification answers at once. The task starts when the response has been
// sent.
func (n *notifier) sendNotification(_ context.Context, in notification) (responses.JSONResponse[reply, *background.Task], error) {
	task := background.NewTask(n.sendEmail, in)
	return responses.JSON(reply{"Notification queued"}, task), nil
}

// sendEmail is the task.
func (n *notifier) sendEmail(_ context.Context, in notification) error {
	n.log.Printf("Sending email to %s: %s", in.Email, in.Message)
	return nil
}

func main() {
	if err := newApp(&notifier{log.Default()}).Run(":8080"); err != nil {
		log.Fatal(err)
	}
}
