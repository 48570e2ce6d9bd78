package params_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/params"
)

type asked struct {
	Name   string                   `json:"name" validate:"nickname"`
	Mail   *string                  `json:"mail" validate:"email|url"`
	List   []string                 `json:"list" validate:"max=1,dive,oneof=a b"`
	By     map[string]int           `json:"by" validate:"dive,keys,min=2,endkeys,lt=5"`
	From   time.Time                `json:"from" validate:"required"`
	To     time.Time                `json:"to" validate:"omitempty,gtfield=From"`
	Size   int8                     `json:"size"`
	Phone  string                   `json:"phone" validate:"required_without_all=Mail Name"`
	Why    string                   `json:"why" validate:"required_if=Name x Size 3"`
	Rate   params.Optional[int]     `json:"rate" validate:"required_with=Name"`
	Amount params.Optional[float64] `json:"amount" validate:"max=2.5"`
	Text   string                   `json:"text" validate:"startswith=a0x2C"`
}

// What a function that words faults is told of each.
func TestWhatIsKnownOfAFault(t *testing.T) {
	o := params.Options{Validator: withNickname(), RejectUnknown: true}
	type input struct {
		IDs  []int `query:"id" validate:"dive,min=3"`
		Day  int   `header:"Day" validate:"required"`
		Body asked `body:""`
	}
	body := `{"name":"x","mail":"x","list":["a","c"],"by":{"k":1,"long":9},"to":"2026-01-01T00:00:00Z","size":300,"amount":3,"x":1}`
	err := refuse[input](t, request{uri: "/?id=5&id=1&page=1", body: body}, o)
	got := make(map[string]string)
	reworded := err.Reword(func(f params.FaultInfo) string {
		line := fmt.Sprintf("%s|%s|%s|%v|%d|%v", f.Code, f.Rule, f.Param, f.Type, f.Index, f.Key)
		got[f.Name+f.Pointer] = line
		if f.Name == "page" {
			return ""
		}
		return line
	})
	assert.Equal(t, map[string]string{
		"id":        "min|min|3|int|2|false",
		"Day":       "required|required||int|0|false",
		"page":      "unknown|unknown||<nil>|0|false",
		"#/name":    "nickname|min|3|string|0|false",
		"#/mail":    "email|url|email|url||string|0|false",
		"#/list":    "max|max|1|[]string|0|false",
		"#/list/1":  "oneof|oneof|a b|string|0|false",
		"#/by/k":    "min|min|2|string|0|true",
		"#/by/long": "lt|lt|5|int|0|false",
		"#/from":    "required|required||time.Time|0|false",
		"#/size":    "type|type||int8|0|false",
		"#/rate":    "required_with|required_with|name|int|0|false",
		"#/amount":  "max|max|2.5|float64|0|false",
		"#/x":       "unknown|unknown||<nil>|0|false",
		"#/text":    "startswith|startswith|a,|string|0|false",
	}, got)
	for i, f := range reworded.Faults {
		before := err.Faults[i]
		if f.Name == "page" {
			assert.Equal(t, "is unknown", f.Detail)
		} else {
			assert.Equal(t, got[f.Name+f.Pointer], f.Detail)
			assert.NotEqual(t, before.Detail, f.Detail, "the original is left alone")
		}
		f.Detail = before.Detail
		assert.Equal(t, before, f)
	}
}

func withNickname() *validator.Validate {
	v := params.NewValidator()
	v.RegisterAlias("nickname", "min=3")
	return v
}

func TestFieldsInParametersAreTheClients(t *testing.T) {
	about := make(map[string]string)
	err := refuse[asked](t, request{body: `{"size":3,"to":"2026-01-01T00:00:00Z","from":"2026-01-02T00:00:00Z","name":"x","text":"a,"}`},
		params.Options{Validator: withNickname()})
	_ = err.Reword(func(f params.FaultInfo) string {
		about[f.Pointer] = f.Rule + "|" + f.Param
		return ""
	})
	assert.Equal(t, map[string]string{"#/to": "gtfield|from", "#/why": "required_if|name x size 3", "#/mail": "email|url|", "#/rate": "required_with|name", "#/name": "min|3"}, about)
	about = make(map[string]string)
	_ = refuse[asked](t, request{body: `{"mail":null,"from":"2026-01-02T00:00:00Z","name":""}`}, params.Options{Validator: withNickname()}).Reword(func(f params.FaultInfo) string {
		about[f.Pointer] = f.Rule + "|" + f.Param
		return ""
	})
	assert.Equal(t, "required_without_all|mail name", about["#/phone"])
}

func TestErrorsThatOthersMade(t *testing.T) {
	err := &params.Error{Status: 422, Faults: []params.Fault{{In: params.Query, Name: "a", Code: "own", Detail: "d"}}}
	reworded := err.Reword(func(f params.FaultInfo) string {
		assert.Equal(t, params.FaultInfo{Fault: err.Faults[0], Rule: "own"}, f)
		assert.Equal(t, reflect.Invalid, f.Kind())
		return "other"
	})
	assert.Equal(t, "other", reworded.Faults[0].Detail)
	assert.Equal(t, "d", err.Faults[0].Detail)
	assert.Equal(t, reflect.String, params.FaultInfo{Type: reflect.TypeFor[string]()}.Kind())
}
