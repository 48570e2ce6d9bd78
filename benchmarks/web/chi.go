package web

import "github.com/go-chi/chi/v5"

// newChi is chi's router around the handlers of net/http, which is what chi is
// for.
func newChi(shop *Shop) Server {
	h, r := netHTTPHandlers{shop, newValidator()}, chi.NewRouter()
	r.Post("/order", h.createOrder)
	r.Post("/order/tasks", h.createOrderWithTasks)
	r.Get("/products/{id}", h.product)
	r.Get("/hello", h.hello)
	return newStdServer(r)
}
