package conform_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/openapi/conform"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type order struct {
	Email    string `json:"email" validate:"required,email"`
	Quantity int    `json:"quantity" validate:"required,min=1"`
}

type stored struct {
	ID string `json:"id"`
	order
}

type orderID struct {
	Key string `header:"X-Key" validate:"required"`
	ID  string `path:"id"`
}

func takeOrder(_ context.Context, in order) (stored, error) { return stored{"7", in}, nil }

func showOrder(_ context.Context, in orderID) (stored, error) {
	switch {
	case in.Key != "secret":
		return stored{}, responses.NewProblem(401, "who are you?")
	case in.ID != "7":
		return stored{}, responses.NewProblem(404, "no such order")
	}
	return stored{"7", order{"ada@example.org", 1}}, nil
}

func resetAll(context.Context, struct{}) (responses.NoContentResponse, error) {
	return responses.NoContent(), nil
}

func newShop() *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/orders", takeOrder, routing.Status(201))
	app.Get("/orders/{id}", showOrder, openapi.Describe(openapi.Operation{Responses: map[int]openapi.Response{401: {}, 404: {}}}))
	app.Delete("/orders", resetAll, routing.Status(204))
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "Shop", Version: "1.0.0"}})
	return app
}

func TestConforms(t *testing.T) {
	conform.Test(t, newShop(), conform.Options{
		Change: func(r *http.Request) { r.Header.Set("X-Key", "secret") },
		Path:   map[string]string{"id": "7"},
		Skip:   []string{"DELETE /orders"},
	})
}
