package responses_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
)

// show writes response as a server would, and prints it.
func show(response responses.Response) {
	var raw fasthttp.RequestCtx
	raw.Init(new(fasthttp.Request), nil, nil)
	if err := response.Write(&raw); err != nil {
		_ = responses.ProblemFor(err).Write(&raw)
	}
	fmt.Println(raw.Response.StatusCode(), string(raw.Response.Header.ContentType()))
	fmt.Println(string(raw.Response.Body()))
}

func ExampleJSON() {
	type Created struct {
		ID int `json:"id"`
	}
	mail := background.Func("send confirmation", func(context.Context) error { return nil })
	show(responses.JSON(Created{ID: 7}, mail))
	// Output:
	// 200 application/json
	// {"id":7}
}

func ExampleStream() {
	type Export struct{ Year int }
	export := func(_ context.Context, in Export) (*responses.StreamResponse, error) {
		if in.Year < 2000 {
			return nil, responses.NewProblem(404, "no records of that year")
		}
		return responses.Stream("text/csv", func(w *responses.StreamWriter) error {
			_, err := fmt.Fprintf(w, "year\n%d\n", in.Year)
			return err
		}), nil
	}

	stream, err := export(context.Background(), Export{Year: 2026})
	if err != nil {
		panic(err)
	}
	show(stream)
	// Output:
	// 200 text/csv
	// year
	// 2026
}

func ExampleEventStream() {
	show(responses.EventStream(func(events *responses.EventWriter) error {
		return events.Send(responses.Event{ID: "7", Name: "stock", Data: "book: 3\npencil: 0"})
	}))
	// Output:
	// 200 text/event-stream
	// id: 7
	// event: stock
	// data: book: 3
	// data: pencil: 0
}

func ExampleNewProblem() {
	errSoldOut := responses.NewProblem(409, "sold out")
	err := errSoldOut.WithCause(io.EOF)
	fmt.Println(err)
	fmt.Println(errors.Is(err, errSoldOut))
	show(err)
	// Output:
	// 409 Conflict: sold out: EOF
	// true
	// 409 application/problem+json
	// {"title":"Conflict","status":409,"detail":"sold out"}
}

// A name from the client cannot leave the directory of Root.
func ExampleFileResponse() {
	reports, err := os.OpenRoot(os.TempDir())
	if err != nil {
		panic(err)
	}
	defer reports.Close()

	show(responses.FileResponse{Root: reports, Path: "../etc/passwd"})
	// Output:
	// 404 application/problem+json
	// {"title":"Not Found","status":404,"detail":"file not found"}
}
