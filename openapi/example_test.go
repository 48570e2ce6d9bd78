package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type order struct {
	Email string `json:"email" validate:"required,email" doc:"Where the confirmation goes" example:"ada@example.org"`
	Items []item `json:"items" validate:"required,min=1,max=20"`
	Note  string `json:"note" validate:"omitempty,min=3"`
}

type item struct {
	SKU      string `json:"sku" validate:"required,len=8,uppercase" example:"PEN-0001"`
	Quantity int    `json:"quantity" validate:"min=1"`
}

type newOrder struct {
	Source string `query:"source" default:"web" validate:"oneof=web app" doc:"Who sends it"`
	Order  order  `body:"" validate:"required"`
}

type created struct {
	OrderID string `json:"order_id"`
}

var sendMail = background.Define("send mail", func(context.Context, string) error { return nil },
	background.Timeout(10*time.Second), background.Retry{Attempts: 5})

func takeOrder(_ context.Context, in newOrder) (responses.JSONResponse[created, *background.Task], error) {
	return responses.JSON(created{"7"}, sendMail.Task(in.Order.Email)), nil
}

var about = openapi.Info{Title: "Shop", Version: "1.0.0", Description: "Sells pens."}

func newShop() *velithon.App {
	app := velithon.New(velithon.Options{})
	app.Post("/order", takeOrder, routing.Status(201), openapi.Describe(openapi.Operation{
		Summary:   "Take an order",
		Tags:      []string{"orders"},
		Responses: map[int]openapi.Response{409: {Description: "Sold out"}},
		Work:      []openapi.Kind{sendMail},
	}))
	openapi.Mount(app, openapi.Options{Info: about})
	return app
}

// A calendar is a response of the service's own.
type calendar struct{ events []string }

func (c calendar) Write(raw *fasthttp.RequestCtx) error {
	raw.SetContentType("text/calendar")
	raw.SetBodyString(fmt.Sprint(c.events))
	return nil
}

func (calendar) Work() background.Work { return nil }

// Describe says what clients may get, for openapi.
func (calendar) Describe() responses.Description {
	return responses.Description{Answers: []responses.Answer{
		{ContentType: "text/calendar"},
		{Status: 410, ContentType: "application/problem+json", Text: "The calendar was closed"},
	}}
}

// price is written as "1.50 EUR", and says so.
type price struct{ cents int }

func (p price) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%02d EUR", p.cents/100, p.cents%100), nil
}

// OpenAPISchema says what MarshalText writes.
func (price) OpenAPISchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^[0-9]+\.[0-9]{2} EUR$`}
}

func Example() {
	app := newShop()
	text, err := openapi.Document(app.Routes(), about)
	if err != nil {
		log.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string                     `json:"operationId"`
			Responses   map[string]json.RawMessage `json:"responses"`
		} `json:"paths"`
		Components struct {
			Schemas map[string]struct {
				Required []string `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		log.Fatal(err)
	}
	operation := document.Paths["/order"]["post"]
	fmt.Println(operation.OperationID, len(operation.Responses))
	fmt.Println(document.Components.Schemas["Order"].Required)
	fmt.Println(document.Components.Schemas["Item"].Required)
	// Output:
	// takeOrder 8
	// [email items]
	// [sku quantity]
}

func ExampleDocument() {
	text, err := openapi.Document(newShop().Routes(), about)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("openapi.json", text, 0o644); err != nil {
		log.Fatal(err)
	}
}

func ExampleMount() {
	requireToken := func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			if string(raw.Request.Header.Peek("X-Token")) != "secret" {
				responses.WriteProblem(raw, responses.NewProblem(401, "send the token"))
				return
			}
			next(raw)
		}
	}
	app := velithon.New(velithon.Options{})
	app.Get("/prices", prices)
	internal := app.Group("/internal", requireToken)
	openapi.Mount(internal, openapi.Options{Info: about})

	var request fasthttp.Request
	request.SetRequestURI("/internal/docs")
	var raw fasthttp.RequestCtx
	raw.Init(&request, nil, nil)
	app.Handler()(&raw)
	fmt.Println(raw.Response.StatusCode())
	// Output: 401
}

// orderTaken is a response whose type knows what it schedules.
type orderTaken struct {
	responses.JSONResponse[created, *background.Task]
}

// Describe adds the kinds of its tasks to what is known.
func (o orderTaken) Describe() responses.Description {
	d := o.JSONResponse.Describe()
	d.Kinds = []background.KindDescription{sendMail.Describe()}
	return d
}

func repeatOrder(context.Context, struct{}) (taken orderTaken, err error) {
	return taken, errSoldOut.WithExtensions(stock{Left: 0})
}

// errSoldOut is a type of problem of the service's own.
var errSoldOut = &responses.Problem{Type: "https://shop.example/problems/sold-out", Title: "Sold out", Status: 409}

type stock struct {
	Left int `json:"left"`
}

func ExampleDescribe_problems() {
	app := velithon.New(velithon.Options{})
	app.Post("/repeat", repeatOrder, openapi.Describe(openapi.Operation{
		Problems: []*responses.Problem{errSoldOut.WithExtensions(stock{Left: 3})},
	}))
	text, err := openapi.Document(app.Routes(), openapi.Info{
		Title: "Shop", Version: "1.0.0",
		Problems: []*responses.Problem{{Status: 500, Type: "https://shop.example/problems/broken"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Example json.RawMessage }
			}
			Work struct{ Kinds []struct{ Name string } } `json:"x-background-work"`
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		log.Fatal(err)
	}
	operation := document.Paths["/repeat"]["post"]
	fmt.Println(operation.Work.Kinds)
	for _, status := range []string{"409", "500"} {
		var example struct {
			Type string
			Left int
		}
		if err := json.Unmarshal(operation.Responses[status].Content["application/problem+json"].Example, &example); err != nil {
			log.Fatal(err)
		}
		fmt.Println(example)
	}
	// Output:
	// [{send mail}]
	// {https://shop.example/problems/sold-out 3}
	// {https://shop.example/problems/broken 0}
}

// calendars and prices are what a handler may return.
func calendars(context.Context, struct{}) (calendar, error) { return calendar{}, nil }

func prices(context.Context, struct{}) ([]price, error) { return nil, nil }

func ExampleDescribe() {
	app := velithon.New(velithon.Options{})
	app.Get("/calendar", calendars)
	app.Get("/prices", prices, openapi.Describe(openapi.Operation{
		Description: "All prices, the *cheapest* first.",
		Deprecated:  true,
	}))
	text, err := openapi.Document(app.Routes(), about)
	fmt.Println(len(text) > 0, err)
	// Output: true <nil>
}
