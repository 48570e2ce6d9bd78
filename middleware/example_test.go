package middleware_test

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	_ "net/http/pprof" // adds itself to the mux of net/http
	"os"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/routing"
)

func Example() {
	cors := middleware.NewCORS(middleware.CORSOptions{Origins: []string{"https://shop.example"}})
	app := velithon.New(velithon.Options{OnRefused: cors.OnRefused})
	app.Use(
		middleware.AccessLog(slog.Default()),
		middleware.TraceContext,
		cors.Middleware,
		middleware.SecurityHeaders(nil),
		middleware.CrossOriginProtection("https://shop.example"),
		middleware.Compress,
	)

	api := app.Group("/api")
	api.Defaults(routing.BodyLimit(64<<10), routing.Timeout(5*time.Second))
	token := routing.Bearer("token", "")
	customers := middleware.Secrets(map[string]customer{os.Getenv("ADAS_TOKEN"): {"ada"}})
	routing.Provide(api, middleware.BearerAuth(customers), routing.Secured(token), routing.Everywhere())

	proxies := middleware.NewProxies("X-Forwarded-For", "10.0.0.0/8")
	routing.Provide(api, proxies.Provide)
	api.Get("/whoami", whoami, routing.Guarded(token))

	operators := middleware.Passwords(map[operator]string{"ada": os.Getenv("PASSWORD")})
	debug := app.Group("/debug")
	routing.Provide(debug, middleware.BasicAuth(operators), routing.Secured(routing.Basic("password")), routing.Everywhere())
	middleware.Mount(debug, http.DefaultServeMux)

	root, err := os.OpenRoot("public")
	if err != nil {
		log.Fatal(err)
	}
	app.Get("/{path:*}", middleware.Static(root, nil))
}

func whoami(_ context.Context, in struct {
	Customer customer                 `provide:""`
	Client   middleware.ClientAddress `provide:""`
},
) (string, error) {
	return in.Customer.Name + " at " + in.Client.String(), nil
}
