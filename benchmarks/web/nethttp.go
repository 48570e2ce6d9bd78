package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-playground/validator/v10"
)

// newNetHTTP is the standard library alone, with go-playground/validator.
func newNetHTTP(shop *Shop) Server {
	h, mux := netHTTPHandlers{shop, newValidator()}, http.NewServeMux()
	mux.HandleFunc("POST /order", h.createOrder)
	mux.HandleFunc("POST /order/tasks", h.createOrderWithTasks)
	mux.HandleFunc("GET /products/{id}", h.product)
	mux.HandleFunc("GET /hello", h.hello)
	return newStdServer(mux)
}

type netHTTPHandlers struct {
	shop     *Shop
	validate *validator.Validate
}

var errBadRequest = errors.New("the request is not an order")

func (h netHTTPHandlers) read(w http.ResponseWriter, r *http.Request, p *Placement, o *Order) bool {
	query := r.URL.Query()
	p.Source = query.Get("source")
	p.Priority, _ = strconv.Atoi(query.Get("priority")) // 0 without one, which the rules refuse
	if err := json.NewDecoder(r.Body).Decode(o); err != nil {
		http.Error(w, errBadRequest.Error(), http.StatusBadRequest)
		return false
	}
	queryErr, bodyErr := h.validate.Struct(p), h.validate.Struct(o)
	if queryErr == nil && bodyErr == nil {
		return true
	}
	faults, ok := faultsOf(queryErr, bodyErr)
	if !ok {
		http.Error(w, errBadRequest.Error(), http.StatusBadRequest)
		return false
	}
	writeJSON(w, http.StatusUnprocessableEntity, faults)
	return false
}

func writeJSON(w http.ResponseWriter, status int, content any) {
	w.Header().Set("Content-Type", contentTypeJSON)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(content); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}

func (h netHTTPHandlers) createOrder(w http.ResponseWriter, r *http.Request) {
	var p Placement
	var o Order
	if h.read(w, r, &p, &o) {
		writeJSON(w, http.StatusCreated, Created{h.shop.Place(p, &o), "created"})
	}
}

func (h netHTTPHandlers) createOrderWithTasks(w http.ResponseWriter, r *http.Request) {
	var p Placement
	var o Order
	if !h.read(w, r, &p, &o) {
		return
	}
	id := h.shop.Place(p, &o)
	writeJSON(w, http.StatusCreated, Created{id, "created"})
	go h.shop.Confirm(o.Email, id)
	go h.shop.Take(o.Items)
}

func (h netHTTPHandlers) product(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.Error(w, "the id is not a number", http.StatusUnprocessableEntity)
		return
	}
	full := false
	if text := r.URL.Query().Get("full"); text != "" {
		if full, err = strconv.ParseBool(text); err != nil {
			http.Error(w, "full is neither true nor false", http.StatusUnprocessableEntity)
			return
		}
	}
	writeJSON(w, http.StatusOK, Product{id, full})
}

func (h netHTTPHandlers) hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, greeting)
}
