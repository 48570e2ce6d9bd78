package params_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

type callsKey struct{}

// called notes a call of a Validate method in the context.
func called(ctx context.Context, what string) {
	if calls, ok := ctx.Value(callsKey{}).(*[]string); ok {
		*calls = append(*calls, what)
	}
}

type (
	period struct {
		From params.Date `json:"from" validate:"required"`
		To   params.Date `json:"to" validate:"required"`
	}
	trip struct {
		Stay   period                   `json:"stay"`
		Others []period                 `json:"others" validate:"max=3"`
		Next   *period                  `json:"next"`
		By     map[string]period        `json:"by"`
		Maybe  params.Optional[period]  `json:"maybe"`
		Or     params.Optional[*period] `json:"or"`
		Pair   [1]period                `json:"pair" validate:"omitempty"`
		Muted  period                   `json:"muted" validate:"-"`
		Code   tripCode                 `json:"code"`
		Any    any                      `json:"any"`
		Fault  string                   `json:"fault"`
	}
	tripCode string
	booking  struct {
		Limit
		Max  int   `query:"max"`
		Trip *trip `body:"" validate:"required"`
	}
	Limit struct {
		Least int `query:"least"`
	}
)

func (p period) Validate(ctx context.Context) error {
	called(ctx, "period "+p.From.String()[8:])
	if p.To.Compare(p.From) < 0 {
		return params.Invalid(params.Fault{Pointer: "/to", Code: "order", Detail: "must not be before from"})
	}
	return nil
}

func (t *trip) Validate(ctx context.Context) error {
	called(ctx, "trip")
	switch t.Fault {
	case "two":
		return errors.Join(
			params.Invalid(params.Fault{Pointer: "/stay/from", Detail: "is too early"}),
			fmt.Errorf("wrapped: %w", params.Invalid(params.Fault{Pointer: "others/0"}, params.Fault{Pointer: "#/by/a%20b"})),
		)
	case "down":
		return errDown
	case "gone":
		return &params.Error{Status: 410, Detail: "gone", Faults: []params.Fault{{In: params.Body, Pointer: "#", Code: "gone"}}}
	case "escaped":
		return params.Invalid(params.Fault{Pointer: "/a b~1ä"}, params.Fault{}, params.Fault{Pointer: "/" + strings.Repeat("x", 600)})
	}
	return nil
}

func (c tripCode) Validate(ctx context.Context) error {
	called(ctx, "code")
	if c == "bad" {
		return params.Invalid(params.Fault{Code: "checksum"})
	}
	return nil
}

func (b booking) Validate(ctx context.Context) error {
	called(ctx, "booking")
	if b.Max > 0 && b.Max < b.Least {
		return params.Invalid(
			params.Fault{Pointer: "/stay"}, params.Fault{Name: "max", Code: "order", Detail: "must not be less than least"},
			params.Fault{In: params.Query, Name: "least"}, params.Fault{In: params.Header, Name: "X-Other"},
		)
	}
	return nil
}

var errDown = errors.New("the database is down")

// validate decodes a request and validates it, with the calls that were made.
func validate[T any](t *testing.T, r request) (calls []string, err error) {
	t.Helper()
	plan := compile[T](t)
	assert.True(t, plan.Validates())
	var in T
	if err := plan.Decode(r.ctx(), &in); err != nil {
		return nil, err
	}
	err = plan.Validate(context.WithValue(t.Context(), callsKey{}, &calls), &in)
	return calls, err
}

func days(from, to int) string {
	return fmt.Sprintf(`{"from":"2026-12-%02d","to":"2026-12-%02d"}`, from, to)
}

func TestValidateIsCalledFromTheInsideOut(t *testing.T) {
	body := `{"stay":` + days(1, 2) + `,"others":[` + days(3, 4) + `,` + days(5, 6) + `],"next":` + days(7, 8) + `,"by":{"a":` + days(9, 10) +
		`},"maybe":` + days(11, 12) + `,"or":` + days(13, 14) + `,"pair":[` + days(15, 16) + `],"muted":` + days(20, 17) + `,"any":` + days(20, 17) + `}`
	want := []string{"period 01", "period 03", "period 05", "period 07", "period 09", "period 11", "period 13", "period 15", "code", "trip", "booking"}
	calls, err := validate[booking](t, request{body: body})
	require.NoError(t, err)
	assert.Equal(t, want, calls)
	calls, err = validate[trip](t, request{body: body})
	require.NoError(t, err)
	assert.Equal(t, want[:10], calls)
	calls, err = validate[booking](t, request{body: `{"stay":` + days(1, 2) + `,"or":null}`})
	require.NoError(t, err)
	assert.Equal(t, []string{"period 01", "code", "trip", "booking"}, calls)

	// The rules of all tags go first.
	_, err = validate[booking](t, request{body: `{"stay":` + days(2, 1) + `,"others":[{}]}`})
	assert.Equal(t, []string{"body #/others/0/from required", "body #/others/0/to required"}, brief(asError(t, err)))
	_, err = validate[booking](t, request{uri: "/?max=x", body: `{"stay":` + days(2, 1) + `}`})
	assert.Equal(t, []string{"query max type"}, brief(asError(t, err)))
	assert.False(t, compile[typicalOrder](t).Validates())
}

func TestFaultsOfValidate(t *testing.T) {
	stay := `{"stay":` + days(1, 2)
	for body, want := range map[string][]string{
		`{"stay":` + days(2, 1) + `,"others":[` + days(1, 2) + `,` + days(3, 1) + `],"code":"bad","next":` + days(2, 1) + `}`: {
			"body #/stay/to order: must not be before from", "body #/others/1/to order: must not be before from",
			"body #/next/to order: must not be before from", "body #/code checksum: is not valid",
		},
		stay + `,"by":{"a/b":` + days(2, 1) + `}}`: {"body #/by/a~1b/to order: must not be before from"},
		stay + `,"maybe":` + days(2, 1) + `}`:      {"body #/maybe/to order: must not be before from"},
		stay + `,"pair":[` + days(2, 1) + `]}`:     {"body #/pair/0/to order: must not be before from"},
		stay + `,"fault":"two"}`: {
			"body #/stay/from invalid: is too early", "body #/others/0 invalid: is not valid", "body #/by/a%20b invalid: is not valid",
		},
		stay + `,"fault":"escaped"}`: {"body #/a%20b~1%C3%A4 invalid: is not valid", "body # invalid: is not valid", "body # invalid: is not valid"},
	} {
		calls, err := validate[booking](t, request{body: body})
		invalid := asError(t, err)
		assert.Equal(t, 422, invalid.Status)
		assert.Equal(t, "the request has invalid or missing values", invalid.Detail)
		assert.Equal(t, want, told(invalid), body)
		_, err = validate[booking](t, request{body: byCodec(body)})
		assert.Equal(t, invalid, asError(t, err), body)
		assert.NotContains(t, calls, "booking", "what is around a fault is not asked")
		assert.Equal(t, strings.Contains(body, `"fault"`), slices.Contains(calls, "trip"))
	}
	_, err := validate[booking](t, request{uri: "/?least=3&max=2", body: stay + `}`})
	assert.Equal(t, []string{
		"query least invalid: is not valid", "query max order: must not be less than least",
		"body #/stay invalid: is not valid", "header X-Other invalid: is not valid",
	}, told(asError(t, err)))

	list := `[` + strings.Repeat(days(2, 1)+`,`, 200) + days(2, 1) + `]`
	calls, err := validate[[]period](t, request{body: list})
	assert.Len(t, asError(t, err).Faults, params.MaxFaults)
	assert.Equal(t, "the request has more invalid or missing values than are listed", asError(t, err).Detail)
	assert.Len(t, calls, params.MaxFaults+1)
}

func TestOtherErrorsOfValidate(t *testing.T) {
	calls, err := validate[booking](t, request{body: `{"stay":` + days(1, 2) + `,"fault":"down"}`})
	assert.Equal(t, errDown, err)
	assert.NotContains(t, calls, "booking")
	_, err = validate[booking](t, request{body: `{"stay":` + days(1, 2) + `,"fault":"gone"}`})
	assert.Equal(t, 410, asError(t, err).Status)

	assert.NoError(t, params.Invalid())
	assert.Equal(t, []params.Fault{{In: params.Body, Pointer: "#/a", Code: "invalid", Detail: "is not valid"}}, asError(t, params.Invalid(params.Fault{Pointer: "a"})).Faults)
}

type (
	promoted struct {
		period

		N int `json:"n"`
	}
	unclear struct {
		period
		other
	}
	other struct {
		M int `json:"m"`
	}
	hiding struct {
		Limit2
	}
	Limit2 struct {
		N int `query:"n"`
	}
)

func (other) Validate(context.Context) error  { return nil }
func (Limit2) Validate(context.Context) error { return nil }
func (hiding) Validate() error                { return nil }

func TestValidateOfEmbeddedStructs(t *testing.T) {
	calls, err := validate[promoted](t, request{body: `{"from":"2026-12-02","to":"2026-12-01","n":1}`})
	assert.Equal(t, []string{"body #/to order"}, brief(asError(t, err)))
	assert.Equal(t, []string{"period 02"}, calls)
	_, err = params.Compile(reflect.TypeFor[unclear](), params.Options{})
	assert.EqualError(t, err, "input type params_test.unclear: has the type params_test.unclear, which embeds params_test.period but does not have its method Validate(context.Context) error: declare one that calls it")
	_, err = params.Compile(reflect.TypeFor[hiding](), params.Options{})
	assert.EqualError(t, err, "input type params_test.hiding, field Limit2: embeds a struct with a method Validate(context.Context) error, which params_test.hiding does not have: declare one that calls it")
}
