package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strconv"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// What the service needs to know, in its environment.
const (
	addressVariable = "VELITHON_TRIAL_ADDRESS" // host:port
	leavingVariable = "VELITHON_TRIAL_LEAVING" // a file that is there when the instance is about to end
	journalVariable = "VELITHON_TRIAL_JOURNAL" // the file that names each order that was taken
)

// The limits that the document has for the app and for its route of pictures.
const (
	bodyLimit    = 256 << 10
	pictureLimit = 20 << 20
)

// serve is the child: an instance of the service that the document puts behind
// its proxies, with the options that it has there. Only the time for a request is
// longer: not all proxies take an upload first, and this machine may be busy.
func serve() error {
	journal, err := os.OpenFile(os.Getenv(journalVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // as the parent says
	if err != nil {
		return err
	}
	defer journal.Close()
	app := velithon.New(velithon.Options{
		BodyLimit:       bodyLimit,
		ReadTimeout:     requestLimit,
		ShutdownTimeout: 40 * time.Second,
		MaxConnections:  2048,
		Runner: background.RunnerOptions{
			Workers:  48,
			Queue:    9_600,
			Overflow: background.Reject,
			Timeout:  10 * time.Second,
		},
	})
	s := &shop{address: os.Getenv(addressVariable), journal: journal, leaving: os.Getenv(leavingVariable), next: make(chan struct{})}
	api := app.Group("/api")
	api.Post("/orders", s.order, routing.Timeout(5*time.Second))
	api.Get("/orders/{id}", s.find)
	api.Post("/pictures", s.picture, routing.BodyLimit(pictureLimit), routing.Timeout(15*time.Second))
	api.Get("/caller", s.caller)
	api.Get("/events", s.events)
	api.Post("/events/next", s.advance, routing.Timeout(5*time.Second))
	app.Get("/livez", func(context.Context, struct{}) (responses.NoContentResponse, error) {
		return responses.NoContent(), nil
	})
	app.Get("/readyz", s.ready)
	return app.Run(s.address)
}

type shop struct {
	address string
	journal *os.File
	leaving string
	next    chan struct{} // an event was read
}

type order struct {
	ID   string `json:"id" validate:"required"`
	Note string `json:"note"`
}

// order writes a line for each order, so that one which is taken twice has two.
func (s *shop) order(_ context.Context, in order) (order, error) {
	_, err := s.journal.WriteString(in.ID + "\n") // one write, so lines are whole
	return in, err
}

func (*shop) find(_ context.Context, in struct {
	ID string `path:"id"`
},
) (order, error) {
	return order{ID: in.ID}, nil
}

// A picture is what has arrived of an upload.
type picture struct {
	Size int    `json:"size"`
	Hash string `json:"hash"`
}

func pictureOf(body []byte) picture {
	hash := sha256.Sum256(body)
	return picture{len(body), hex.EncodeToString(hash[:])}
}

func (*shop) picture(ctx context.Context, _ struct{}) (picture, error) {
	raw, err := routing.RequestCtx(ctx)
	if err != nil {
		return picture{}, err
	}
	return pictureOf(raw.PostBody()), nil
}

// A caller is who the service takes the client for.
type caller struct {
	RealIP       string   `json:"real_ip"`
	ForwardedFor []string `json:"forwarded_for"`
	Proto        string   `json:"proto"`
	RequestID    string   `json:"request_id"`
}

func (*shop) caller(ctx context.Context, in struct {
	RealIP       string   `header:"X-Real-IP"`
	ForwardedFor []string `header:"X-Forwarded-For"`
	Proto        string   `header:"X-Forwarded-Proto"`
},
) (caller, error) {
	return caller{in.RealIP, in.ForwardedFor, in.Proto, routing.RequestID(ctx)}, nil
}

// eventCount is how many events a stream has.
const eventCount = 20

// events sends each event when the one before was read, which the client tells
// this instance without a proxy: one that is held back ends the stream.
func (s *shop) events(ctx context.Context, _ struct{}) (*responses.EventStreamResponse, error) {
	return responses.EventStream(func(w *responses.EventWriter) error {
		for range eventCount {
			sent := strconv.FormatInt(time.Now().UnixNano(), 10)
			if err := w.Send(responses.Event{ID: sent, Data: s.address}); err != nil {
				return err
			}
			select {
			case <-s.next:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}), nil
}

func (s *shop) advance(ctx context.Context, _ struct{}) (responses.NoContentResponse, error) {
	select {
	case s.next <- struct{}{}:
	case <-ctx.Done():
	}
	return responses.NoContent(), nil
}

// ready takes the process out of the rotation before it ends.
func (s *shop) ready(context.Context, struct{}) (responses.NoContentResponse, error) {
	if _, err := os.Stat(s.leaving); err == nil {
		return responses.NoContent(), responses.NewProblem(503, "this process is about to end")
	}
	return responses.NoContent(), nil
}
