// Clients is a client of the example order. What it calls, package shop, was generated from the
// service's own description; docs/clients.md says how.
//
//	go run ./examples/order
//
//	go -C openapi/clients run . http://127.0.0.1:8080
//	order 3MAQIRSQ3QMJ3TJDWYTLRCAIFR
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/velithon-go/velithon/openapi/clients/shop"
)

// connect returns a client of the service at a URL. An empty token is that of a guest.
func connect(url, token string) (*shop.ClientWithResponses, error) {
	return shop.NewClientWithResponses(url,
		shop.WithHTTPClient(&http.Client{Timeout: 10 * time.Second}),
		shop.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			return nil
		}))
}

var errSoldOut = errors.New("sold out")

// place orders an item and returns the id of the order.
func place(ctx context.Context, client *shop.ClientWithResponses, sku string, quantity int64) (string, error) {
	answer, err := client.CreateOrderWithResponse(ctx, shop.Order{
		Email: "ada@example.org",
		Items: []shop.Item{{Sku: sku, Quantity: quantity}},
	})
	if err != nil {
		return "", err // no answer, or one that is not what the description says
	}
	switch {
	case answer.JSON201 != nil:
		return answer.JSON201.OrderID, nil
	case answer.ApplicationProblemJSON409 != nil:
		return "", errSoldOut
	case answer.ApplicationProblemJSON422 != nil:
		return "", faults(*answer.ApplicationProblemJSON422)
	}
	return "", fmt.Errorf("the shop answers %s", answer.Status())
}

// faults makes one error of all that is wrong with a request.
func faults(problem shop.ValidationProblem) error {
	if problem.Errors == nil {
		return errors.New(problem.Title)
	}
	var all []error
	for _, fault := range *problem.Errors {
		if fault.Pointer != nil {
			all = append(all, fmt.Errorf("%s: %s", *fault.Pointer, fault.Detail))
		}
	}
	return errors.Join(all...)
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: clients URL")
	}
	client, err := connect(os.Args[1], os.Getenv("ADA"))
	if err != nil {
		log.Fatal(err)
	}
	id, err := place(context.Background(), client, "pencil", 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("order", id)
}
