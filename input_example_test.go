package velithon_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

type stay struct {
	From   params.Date `json:"from" validate:"required"`
	To     params.Date `json:"to" validate:"required"`
	Guests int         `json:"guests" default:"2" validate:"min=1,max=6"`
	Room   room        `json:"room"`
}

type room struct {
	Kind string          `json:"kind" default:"double" validate:"oneof=single double"`
	Wake params.Duration `json:"wake" default:"8h" validate:"max=24h"` // after midnight
}

// Validate checks what no rule of a tag can: it is called when all of them hold.
func (s stay) Validate(context.Context) error {
	if s.To.Compare(s.From) <= 0 {
		return params.Invalid(params.Fault{Pointer: "/to", Code: "order", Detail: "must be later than from"})
	}
	if s.Room.Kind == "single" && s.Guests > 1 {
		return params.Invalid(params.Fault{Pointer: "/guests", Code: "beds", Detail: "must be 1 in a single room"})
	}
	return nil
}

func bookStay(_ context.Context, in stay) (stay, error) { return in, nil }

func post(path, body string, header ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nX-Request-Id: a-1\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s",
		path, strings.Join(append(header, ""), "\r\n"), len(body), body)
}

func Example_inputThatChecksItself() {
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Post("/stays", bookStay)

	tell(app, post("/stays", `{"from":"2026-12-01","to":"2026-12-03"}`), post("/stays", `{"from":"2026-12-03","to":"2026-12-01"}`))
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: application/json
	// Content-Length: 91
	// X-Request-Id: a-1
	//
	// {"from":"2026-12-01","to":"2026-12-03","guests":2,"room":{"kind":"double","wake":"8h0m0s"}}
	//
	// HTTP/1.1 422 Unprocessable Entity
	// Content-Type: application/problem+json
	// Content-Length: 190
	// X-Request-Id: a-1
	//
	// {"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/to","code":"order","detail":"must be later than from"}]}
}

func Example_unknownNames() {
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Defaults(routing.RejectUnknown())
	app.Post("/stays", bookStay)
	app.Post("/hooks/payments", bookStay, routing.IgnoreUnknown()) // its sender adds members

	tell(app, post("/stays?page=1", `{"from":"2026-12-01","to":"2026-12-03","room":{"knid":"single"}}`))
	// Output:
	// HTTP/1.1 422 Unprocessable Entity
	// Content-Type: application/problem+json
	// Content-Length: 254
	// X-Request-Id: a-1
	//
	// {"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/room/knid","code":"unknown","detail":"is unknown"},{"in":"query","name":"page","code":"unknown","detail":"is unknown"}]}
}

// german words the faults of clients who want German, and leaves the others.
func german(ctx context.Context, fault params.FaultInfo) string {
	raw, err := routing.RequestCtx(ctx)
	if err != nil || !strings.HasPrefix(string(raw.Request.Header.Peek("Accept-Language")), "de") {
		return ""
	}
	switch fault.Rule {
	case "required":
		return "wird gebraucht"
	case "max":
		if fault.Kind() == reflect.String {
			return "darf höchstens " + fault.Param + " Zeichen haben"
		}
		return "darf höchstens " + fault.Param + " sein"
	}
	return ""
}

// typed gives the problem of a wrong input a type of the service's.
func typed(_ context.Context, problem *responses.Problem) *responses.Problem {
	if problem.Status != 422 {
		return nil
	}
	own := *problem
	own.Type = "https://hotel.example/problems/invalid-input"
	return &own
}

func Example_faultsAndProblemsOfYourOwn() {
	app := velithon.New(velithon.Options{FaultText: german, Problem: typed, Logger: slog.New(slog.DiscardHandler)})
	app.Post("/stays", bookStay)

	tell(app, post("/stays", `{"from":"2026-12-01","guests":7}`, "Accept-Language: de-AT"))
	// Output:
	// HTTP/1.1 422 Unprocessable Entity
	// Content-Type: application/problem+json
	// Content-Length: 320
	// X-Request-Id: a-1
	//
	// {"type":"https://hotel.example/problems/invalid-input","title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[{"in":"body","pointer":"#/to","code":"required","detail":"wird gebraucht"},{"in":"body","pointer":"#/guests","code":"max","detail":"darf höchstens 6 sein"}]}
}

// errNoCredit is a problem type of the service; what is left is in each occurrence.
var errNoCredit = &responses.Problem{Type: "https://hotel.example/problems/no-credit", Title: "Your credit does not suffice", Status: 403}

type credit struct {
	Balance int `json:"balance"`
	Costs   int `json:"costs"`
}

func Example_problemTypes() {
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Post("/stays", func(context.Context, stay) (stay, error) {
		return stay{}, errNoCredit.WithDetail("two nights cost 50").WithExtensions(credit{Balance: 30, Costs: 50})
	})

	tell(app, post("/stays", `{"from":"2026-12-01","to":"2026-12-03"}`))
	// Output:
	// HTTP/1.1 403 Forbidden
	// Content-Type: application/problem+json
	// Content-Length: 157
	// X-Request-Id: a-1
	//
	// {"type":"https://hotel.example/problems/no-credit","title":"Your credit does not suffice","status":403,"detail":"two nights cost 50","balance":30,"costs":50}
}
