package main

import (
	"runtime/debug"
	"slices"
	"strings"
)

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

// peerVersions returns the versions of the peers that this binary is built
// with, which are those of the module.
func peerVersions() (versions []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, path := range compared {
		i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == path })
		if i >= 0 {
			versions = append(versions, strings.TrimPrefix(path, "github.com/")+" "+info.Deps[i].Version)
		}
	}
	return versions
}
