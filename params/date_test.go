package params_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	gojson "github.com/goccy/go-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/params"
)

type stay struct {
	From  params.Date     `json:"from" validate:"required"`
	To    params.Date     `json:"to" validate:"required,gtfield=From"`
	Until *params.Date    `json:"until"`
	Every params.Duration `json:"every" validate:"omitempty,min=1m,max=24h"`
}

func TestDatesAndDurationsInJSON(t *testing.T) {
	in := accept[stay](t, request{body: `{"from":"2026-11-30","to":"2026-12-01","every":"1h30m"}`})
	assert.Equal(t, stay{
		From: params.NewDate(2026, 11, 30), To: params.NewDate(2026, 12, 1), Every: params.Duration(90 * time.Minute),
	}, in)
	text, err := json.Marshal(in)
	require.NoError(t, err)
	assert.JSONEq(t, `{"from":"2026-11-30","to":"2026-12-01","until":null,"every":"1h30m0s"}`, string(text))

	for body, want := range map[string][]string{
		`{"from":"2026-12-01","to":"2026-12-01"}`:                                              {"body #/to gtfield: must be later than from"},
		`{"from":"2026-02-29","to":"2026-12-01T00:00:00Z"}`:                                    {"body #/from type: must be a date such as 2026-12-31", "body #/to type: must be a date such as 2026-12-31"},
		`{"from":20261201,"to":"2026-12-02"}`:                                                  {"body #/from type: must be a date such as 2026-12-31"},
		`{"from":"2026-12-01","to":null}`:                                                      {"body #/to required: is required"},
		`{"from":"2026-12-01","to":"2026-12-02","every":"PT1H"}`:                               {`body #/every type: must be a duration such as "1h30m" or "250ms"`},
		`{"from":"2026-12-01","to":"2026-12-02","every":5400000000000}`:                        {`body #/every type: must be a duration such as "1h30m" or "250ms"`},
		`{"from":"2026-12-01","to":"2026-12-02","every":"1s","until":"` + " 2026-12-31" + `"}`: {"body #/until type: must be a date such as 2026-12-31", "body #/every min: must be at least 1m"},
	} {
		assert.Equal(t, want, told(refuse[stay](t, request{body: body})), body)
	}
}

// told writes each fault in one line with its detail.
func told(err *params.Error) []string {
	lines := brief(err)
	for i := range lines {
		lines[i] += ": " + err.Faults[i].Detail
	}
	return lines
}

func TestDatesAndDurationsAsParameters(t *testing.T) {
	type query struct {
		On     params.Date     `query:"on" default:"2026-12-01"`
		Days   []params.Date   `query:"day"`
		Within params.Duration `header:"Within" default:"250ms" validate:"max=1s"`
	}
	in := accept[query](t, request{uri: "/?day=2026-12-24&day=2026-12-25"})
	assert.Equal(t, query{params.NewDate(2026, 12, 1), []params.Date{params.NewDate(2026, 12, 24), params.NewDate(2026, 12, 25)}, params.Duration(250 * time.Millisecond)}, in)
	assert.Equal(t, []string{"query on type: must be a date such as 2026-12-31", "header Within max: must be at most 1s"},
		told(refuse[query](t, request{uri: "/?on=1.12.2026", header: [][2]string{{"Within", "2s"}}})))

	type wrong struct {
		On params.Date `query:"on" default:"today"`
	}
	_, err := params.Compile(reflect.TypeFor[wrong](), params.Options{})
	assert.ErrorContains(t, err, `has the default "today", which must be a date such as 2026-12-31`)
}

// A Date is a text to both codecs, and what it reads it writes.
func TestDatesAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`[0-9]{4}-[0-1][0-9]-[0-3][0-9]`), rapid.StringMatching(`[+ -]?[0-9]{1,5}-[0-9]{1,2}-[0-9]{1,2}[Z ]?`),
		).Draw(t, "text")
		moment, err := time.Parse(time.RFC3339, text+"T00:00:00Z")
		var d params.Date
		if err != nil {
			assert.Error(t, d.UnmarshalText([]byte(text)))
			assert.Zero(t, d)
			return
		}
		for _, unmarshal := range []func([]byte, any) error{json.Unmarshal, gojson.Unmarshal} {
			d = params.Date{}
			require.NoError(t, unmarshal([]byte(`"`+text+`"`), &d))
			assert.Equal(t, params.DateOf(moment), d)
			assert.Equal(t, text, d.String())
			assert.True(t, d.In(time.UTC).Equal(moment))
		}
	})
	zone := time.FixedZone("X", 14*3600)
	late := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	assert.Equal(t, params.NewDate(2026, 12, 1), params.DateOf(late.In(zone)))
	assert.Equal(t, "2026-11-30T10:00:00Z", params.NewDate(2026, 12, 1).In(zone).UTC().Format(time.RFC3339))
	assert.Equal(t, params.NewDate(2026, 11, 1), params.NewDate(2026, 10, 32))
	assert.Negative(t, params.NewDate(2026, 1, 1).Compare(params.NewDate(2026, 1, 2)))
	assert.Zero(t, params.NewDate(2026, 1, 1).Compare(params.NewDate(2026, 1, 1)))

	assert.True(t, params.Date{}.IsZero())
	assert.Equal(t, "0001-01-01", params.Date{}.String())
	assert.Equal(t, params.Date{}, params.NewDate(1, 1, 1))
	_, err := params.NewDate(10000, 1, 1).MarshalText()
	assert.EqualError(t, err, "params: a Date is from the year 0 to the year 9999")
}

func TestCheckboxes(t *testing.T) {
	type form struct {
		Terms params.Checkbox   `form:"terms" validate:"eq=true"`
		News  params.Checkbox   `form:"news"`
		Days  []params.Checkbox `form:"day"`
		Plain bool              `form:"plain"`
	}
	send := func(body string) request {
		return request{contentType: "application/x-www-form-urlencoded", body: body}
	}
	assert.Equal(t, form{Terms: true, Days: []params.Checkbox{true, false}}, accept[form](t, send("terms=on&news=&day=1&day=false")))
	assert.Equal(t, []string{
		"form terms eq: must be true", "form news type: must be on, true or false", "form plain type: must be true or false",
	}, told(refuse[form](t, send("news=yes&plain=on"))))

	type body struct {
		News params.Checkbox `json:"news"`
	}
	assert.Equal(t, body{true}, accept[body](t, request{body: `{"news":true}`}))
	assert.Equal(t, []string{"body #/news type: must be true or false"}, told(refuse[body](t, request{body: `{"news":"on"}`})))

	type wrong struct {
		Terms params.Checkbox `form:"terms" default:"true"`
	}
	_, err := params.Compile(reflect.TypeFor[wrong](), params.Options{})
	require.Error(t, err)
	assert.True(t, strings.HasSuffix(err.Error(), "has a default: a box that is not ticked is not sent, so the default would tick it"), err)
}
