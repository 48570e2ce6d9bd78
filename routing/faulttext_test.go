package routing_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/routing"
)

type languageKey struct{}

// german words the faults of clients whose language middleware has found to be German.
func german(ctx context.Context, fault params.FaultInfo) string {
	if ctx.Value(languageKey{}) != "de" {
		return ""
	}
	switch fault.Rule {
	case "required":
		return "wird gebraucht"
	case "min":
		if fault.Kind() == reflect.String {
			return fmt.Sprintf("braucht mindestens %s Zeichen", fault.Param)
		}
		return "muss mindestens " + fault.Param + " sein"
	}
	return ""
}

func TestFaultsInTheLanguageOfTheRequest(t *testing.T) {
	runner := background.NewRunner(background.RunnerOptions{})
	t.Cleanup(func() { assert.NoError(t, runner.Shutdown(context.Background())) })
	r := routing.New(routing.Options{Runner: runner, Logger: slog.New(slog.DiscardHandler), FaultText: german})
	r.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(raw *fasthttp.RequestCtx) {
			raw.SetUserValue(languageKey{}, string(raw.Request.Header.Peek("Accept-Language")))
			next(raw)
		}
	})
	type query struct {
		Name  string `query:"name" validate:"min=2"`
		Limit int    `query:"limit" validate:"min=1"`
		ID    int    `query:"id" validate:"required"`
		Mail  string `query:"mail" validate:"email"`
	}
	r.Handle("GET", "/x", routing.NewEndpoint(func(context.Context, query) (string, error) { return "", nil }))
	handler := behindServer(r)
	answer := func(language string) string {
		return string(do(t, handler, "GET", "/x?name=a&limit=0", "Accept-Language", language).Body())
	}
	const head = `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[`
	assert.Equal(t, head+`{"in":"query","name":"name","code":"min","detail":"braucht mindestens 2 Zeichen"},`+
		`{"in":"query","name":"limit","code":"min","detail":"muss mindestens 1 sein"},{"in":"query","name":"id","code":"required","detail":"wird gebraucht"},`+
		`{"in":"query","name":"mail","code":"email","detail":"must be an e-mail address"}]}`, answer("de"))
	assert.Equal(t, head+`{"in":"query","name":"name","code":"min","detail":"must have at least 2 characters"},`+
		`{"in":"query","name":"limit","code":"min","detail":"must be at least 1"},{"in":"query","name":"id","code":"required","detail":"is required"},`+
		`{"in":"query","name":"mail","code":"email","detail":"must be an e-mail address"}]}`, answer("en"))
}
