package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/responses"
)

// compare says how much longer an order with two tasks takes, from the request to its answer,
// while a page is open: the median of pairs, each of which is as long as given twice.
func compare(pairs int, long time.Duration, out *log.Logger) error {
	app := velithon.New(velithon.Options{Logger: slog.New(slog.DiscardHandler)})
	kind := background.Define("kind", func(context.Context, int) error { return nil })
	app.Post("/order", func(context.Context, struct{}) (responses.TextResponse, error) {
		tasks := &background.Tasks{}
		tasks.Add(kind.Task(1), kind.Task(2))
		answer := responses.Text("ordered")
		answer.Background = tasks
		return answer, nil
	})
	dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{Logger: slog.New(slog.DiscardHandler)})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	page := fmt.Sprintf("http://localhost:%d/admin/events?page=overview", listener.Addr().(*net.TCPAddr).Port)
	order := orders(app.Handler())

	var slower, with, without []float64
	if _, err := order(long); err != nil { // all is warm
		return err
	}
	for i := range pairs {
		var took [2]float64 // without and with the page
		for _, open := range [][]int{{0, 1}, {1, 0}}[i%2] {
			took[open], err = measure(order, long, page, open == 1)
			if err != nil {
				return err
			}
		}
		without, with, slower = append(without, took[0]), append(with, took[1]), append(slower, took[1]/took[0]-1)
	}
	out.Printf("an order: %.2f µs, and %.2f µs with the page open; in the median of %d pairs %+.2f %%, in their middle half from %+.2f to %+.2f %%",
		median(without), median(with), pairs, 100*median(slower), 100*slower[len(slower)/4], 100*slower[len(slower)*3/4])
	if err := app.Shutdown(context.Background()); err != nil {
		return err
	}
	return <-served
}

// measure returns how long an order takes, in µs, with the page open or not.
func measure(order func(time.Duration) (float64, error), long time.Duration, page string, open bool) (float64, error) {
	if !open {
		return order(long)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Connection", "keep-alive") // as a browser
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the page was answered %s", answer.Status)
	}
	read := bufio.NewReader(answer.Body)
	if _, err := read.ReadString('\n'); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, read)
	}()
	took, err := order(long)
	cancel()
	<-ended
	return took, err
}

// orders returns a function that orders for so long, and returns how long one takes in µs.
func orders(handler fasthttp.RequestHandler) func(long time.Duration) (float64, error) {
	var request fasthttp.Request
	request.Header.SetMethod("POST")
	request.SetRequestURI("http://localhost/order")
	return func(long time.Duration) (float64, error) {
		n := 0
		began := time.Now()
		for time.Since(began) < long {
			for range 100 {
				var raw fasthttp.RequestCtx
				raw.Init(&request, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
				handler(&raw)
				raw.ResetUserValues()
				if raw.Response.StatusCode() != fasthttp.StatusOK {
					return 0, fmt.Errorf("an order was answered %s", raw.Response.String())
				}
				n++
			}
		}
		return float64(time.Since(began).Microseconds()) / float64(n), nil
	}
}

// median of some numbers, which it sorts.
func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
