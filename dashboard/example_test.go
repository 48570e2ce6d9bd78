package dashboard_test

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/dashboard"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
)

// For the machine itself, and to read only.
func ExampleMount() {
	app := velithon.New(velithon.Options{})
	dashboard.Mount(app.Group("/admin"), dashboard.Runner(app.Runner()), dashboard.Options{})
}

// For operators, by their passwords; the log has who did what.
func ExampleMountFor() {
	app := velithon.New(velithon.Options{})
	if os.Getenv("PASSWORD") == "" {
		return
	}
	check := middleware.Passwords(map[operator]string{"ada": os.Getenv("PASSWORD")})
	admin := app.Group("/admin")
	routing.Provide(admin, middleware.BasicAuth(check), routing.Secured(routing.Basic("password")))
	dashboard.MountFor(admin, dashboard.Runner(app.Runner()), dashboard.Options{Acts: true}, func(o operator) string {
		return string(o)
	})
}

type report struct{ Year int }

// What a page can tell of the tasks of a kind, and do to them.
func ExampleRunner() {
	makeReport := func(context.Context, report) error { return errors.New("no data") }
	reports := background.Define("report", makeReport,
		background.Timeout(time.Hour),
		background.Followed(),     // each can be opened and cancelled
		background.ShowArgument(), // a year is nobody's secret
	)
	_ = reports.Task(report{2026})
}
