package layers_test

import (
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/goccy/go-json"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/extractors"
	"github.com/gofiber/fiber/v3/middleware/basicauth"
	"github.com/gofiber/fiber/v3/middleware/compress"
	"github.com/gofiber/fiber/v3/middleware/cors"
	"github.com/gofiber/fiber/v3/middleware/helmet"
	"github.com/gofiber/fiber/v3/middleware/keyauth"
	"github.com/gofiber/fiber/v3/middleware/limiter"
	"github.com/gofiber/fiber/v3/middleware/logger"
	"github.com/gofiber/fiber/v3/middleware/requestid"
	"github.com/valyala/fasthttp"
)

type structs struct{ validate *validator.Validate }

func (s structs) Validate(out any) error { return s.validate.Struct(out) }

// fiberHandler returns the order in an app of Fiber with a layer.
func fiberHandler(_ testing.TB, add func(app *fiber.App)) fasthttp.RequestHandler {
	app := fiber.New(fiber.Config{JSONEncoder: json.Marshal, JSONDecoder: json.Unmarshal, StructValidator: structs{validator.New()}})
	add(app)
	app.Post("/order", func(c fiber.Ctx) error {
		var o order
		if err := c.Bind().Body(&o); err != nil {
			return err
		}
		return c.Status(201).JSON(created{o.Items[0].SKU, "created"})
	})
	app.Post("/long", func(c fiber.Ctx) error {
		var o order
		if err := c.Bind().Body(&o); err != nil {
			return err
		}
		return c.Status(201).JSON(long)
	})
	return app.Handler()
}

func fiberUse(m fiber.Handler) func(*fiber.App) {
	return func(app *fiber.App) { app.Use(m) }
}

var ofFiber = peer[*fiber.App]{[]layer[*fiber.App]{
	{"first", fiberUse(func(c fiber.Ctx) error { return c.Next() }), nil},
	{"requestid", fiberUse(requestid.New()), nil},
	{"accesslog", fiberUse(logger.New(logger.Config{Stream: sink{}, Format: logger.JSONFormat})), nil},
	{"corsOne", fiberUse(cors.New(cors.Config{AllowOrigins: []string{shop}})), []string{"Origin", shop}},
	{"corsCredentials", fiberUse(cors.New(cors.Config{AllowOrigins: []string{shop}, AllowCredentials: true})), []string{"Origin", shop}},
	{"corsSeveral", fiberUse(cors.New(cors.Config{AllowOrigins: []string{"https://other.example", shop}})), []string{"Origin", shop}},
	{"securityheaders", fiberUse(helmet.New()), nil},
	{"compressShort", fiberUse(compress.New()), []string{"Accept-Encoding", "gzip"}},
	{"compress7kB", fiberUse(compress.New()), []string{"Accept-Encoding", "gzip"}},
	{"key", fiberUse(keyauth.New(keyauth.Config{
		Extractor: extractors.FromHeader("X-Api-Key"),
		Validator: func(_ fiber.Ctx, key string) (bool, error) { return key == secret, nil },
	})), []string{"X-Api-Key", secret}},
	{"basic", fiberUse(basicauth.New(basicauth.Config{Users: map[string]string{"ada": "{SHA256}LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="}})), []string{"Authorization", basicAuth}},
	{"ratelimit", fiberUse(limiter.New(limiter.Config{Max: 1_000_000_000})), nil},
}, fiberHandler, fiberUse(func(c fiber.Ctx) error { return c.Next() })}
