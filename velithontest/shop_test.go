package velithontest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A shop is what the tests of the kit test: a service with providers and background
// work.
type shop struct {
	mailErrors []error // of the first mails, one each

	mu    sync.Mutex // guards what follows
	mails []string
}

type order struct {
	Email string `json:"email" validate:"required,email"`
}

type created struct {
	ID    string `json:"id"`
	Buyer string `json:"buyer"`
}

// A user is who makes a request.
type user struct{ Name string }

var errNobody = responses.NewProblem(401, "nobody has said who it is")

func (s *shop) app() *velithon.App {
	app := velithon.New(velithon.Options{Logger: quiet})
	routing.Provide(app.Router, func(_ context.Context, in struct {
		User string `header:"X-User"`
	},
	) (user, error) {
		if in.User == "" {
			return user{}, errNobody
		}
		return user{in.User}, nil
	})
	app.Post("/orders", s.order, routing.Status(201))
	return app
}

type orderInput struct {
	User  user  `provide:""`
	Order order `body:"" validate:"required"`
}

func (s *shop) order(_ context.Context, in orderInput) (responses.JSONResponse[created, *background.Tasks], error) {
	tasks := &background.Tasks{}
	mail := background.Func("mail", func(ctx context.Context) error { return s.mail(ctx, in.Order.Email) }).
		WithRetry(background.Retry{Attempts: 3, Backoff: time.Hour}).WithTimeout(time.Second)
	tasks.Add(mail, background.Func("stock", func(context.Context) error { return nil }))
	return responses.JSON(created{"1", in.User.Name}, tasks), nil
}

func (s *shop) mail(_ context.Context, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mailErrors) > 0 {
		err := s.mailErrors[0]
		s.mailErrors = s.mailErrors[1:]
		return err
	}
	s.mails = append(s.mails, to)
	return nil
}

func (s *shop) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

var errGreylisted = errors.New("greylisted")
