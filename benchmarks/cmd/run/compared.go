package main

// compared are the modules that the peers are, and those that decide their
// speed.
var compared = []string{
	"github.com/valyala/fasthttp",
	"github.com/fasthttp/router",
	"github.com/goccy/go-json",
	"github.com/go-playground/validator/v10",
	"github.com/gofiber/fiber/v3",
	"github.com/cloudwego/hertz",
	"github.com/bytedance/sonic",
	"github.com/go-chi/chi/v5",
	"github.com/labstack/echo/v5",
	"github.com/gin-gonic/gin",
	"github.com/go-fuego/fuego",
	"github.com/danielgtaylor/huma/v2",
}
