package params_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params"
)

type (
	mail struct {
		Subject string        `json:"subject" default:"none" validate:"max=10"`
		Copies  *int          `json:"copies" default:"1"`
		Tags    []string      `json:"tags" default:"new,plain"`
		Wait    time.Duration `json:"wait" default:"1m"`
		On      params.Date   `json:"on" default:"2026-12-01"`
		HTML    bool          `json:"html" default:"true"`
		Size    int           `json:"size,string" default:"7"`
		From    sender        `json:"from"`
		Reply   *sender       `json:"reply"`
		Bounce  sender        `json:"bounce" validate:"omitempty"`
		To      []sender      `json:"to"`
		By      map[code2]sender
		Pair    [2]sender `json:"pair"`
		sender2
	}
	sender struct {
		Name string `json:"name" validate:"omitempty,min=2"`
		Host string `json:"host" default:"localhost" validate:"hostname"`
	}
	sender2 struct {
		Port  int `json:"port" default:"25" validate:"gtefield=Least"`
		Least int `json:"least"`
	}
	code2 string
)

func (c *code2) UnmarshalText(text []byte) error {
	*c = code2(strings.ToUpper(string(text)))
	return nil
}

func defaultMail() mail {
	one, host := 1, sender{Host: "localhost"}
	return mail{
		Subject: "none", Copies: &one, Tags: []string{"new", "plain"}, Wait: time.Minute, On: params.NewDate(2026, 12, 1), HTML: true, Size: 7,
		From: host, Pair: [2]sender{host, host}, sender2: sender2{Port: 25},
	}
}

func TestDefaultsInBodies(t *testing.T) {
	change := func(f func(*mail)) mail {
		m := defaultMail()
		f(&m)
		return m
	}
	b := sender{"", "b"}
	for body, want := range map[string]mail{
		`{}`: defaultMail(),
		`{"subject":null,"copies":null,"tags":null,"wait":null,"on":null,"html":null,"size":null,"from":null,"pair":null,"port":null}`: defaultMail(),
		`{"subject":"","html":false,"tags":[],"wait":0}`: change(func(m *mail) { m.Subject, m.HTML, m.Tags, m.Wait = "", false, []string{}, 0 }),
		`{"SUBJECT":"x"}`:                 change(func(m *mail) { m.Subject = "x" }),
		`{"size":"8"}`:                    change(func(m *mail) { m.Size = 8 }),
		`{"\u0073ubject":"x"}`:            change(func(m *mail) { m.Subject = "x" }),
		`{"from":{"host":"b"},"from":{}}`: change(func(m *mail) { m.From = b }),
		`{"reply":{},"bounce":{}}`:        change(func(m *mail) { m.Reply, m.Bounce = &sender{Host: "localhost"}, sender{Host: "localhost"} }),
		`{"reply":null,"to":null}`:        defaultMail(),
		`{"to":[{"host":"b"},{},null]}`:   change(func(m *mail) { m.To = []sender{b, {Host: "localhost"}, {Host: "localhost"}} }),
		`{"By":{"x":{},"y":{"host":"b"},"z":null}}`: change(func(m *mail) {
			m.By = map[code2]sender{"X": {Host: "localhost"}, "Y": b, "Z": {Host: "localhost"}}
		}),
		`{"pair":[{"host":"b"}]}`: change(func(m *mail) { m.Pair[0] = b }),
		`{"unknown":{"host":1}}`:  defaultMail(),
	} {
		assert.Equal(t, want, accept[mail](t, request{body: body}), body)
		assert.Equal(t, want, accept[mail](t, request{body: byCodec(body)}), body)
	}
	for body, want := range map[string][]string{
		`{"least":26}`:                                {"body #/port gtefield"},
		`{"port":3,"least":26}`:                       {"body #/port gtefield"},
		`{"from":{"host":"-"},"subject":7}`:           {"body #/subject type", "body #/from/host hostname"},
		`{"from":{"name":"x"},"bounce":{"name":"x"}}`: {"body #/from/name min", "body #/bounce/name min"},
	} {
		assert.Equal(t, want, faults[mail](t, body), body)
		assert.Equal(t, want, faults[mail](t, byCodec(body)), body)
	}
	a, second := accept[mail](t, request{body: `{}`}), accept[mail](t, request{body: `{}`})
	*a.Copies, a.Tags[0] = 9, "changed"
	assert.Equal(t, defaultMail(), second, "each request has a value of its own")
}

// byCodec returns an object with a member more, too deep for a reader.
func byCodec(object string) string {
	deep := `"deep":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}`
	if rest := strings.TrimSuffix(object, "}"); rest != "{" {
		return rest + "," + deep
	}
	return "{" + deep
}

func TestDefaultsOfAnAbsentBody(t *testing.T) {
	type field struct {
		Mail mail `body:""`
	}
	assert.Equal(t, field{defaultMail()}, accept[field](t, request{}))
	assert.Equal(t, field{defaultMail()}, accept[field](t, request{body: "null"}))
	type pointer struct {
		Mail *mail `body:""`
	}
	assert.Equal(t, pointer{}, accept[pointer](t, request{}))
	type skipped struct {
		Mail mail `body:"" validate:"omitempty"`
	}
	assert.Equal(t, skipped{}, accept[skipped](t, request{}))
	assert.Equal(t, []string{"body # required"}, brief(refuse[mail](t, request{})))
	all := accept[[]sender](t, request{body: `[{},null]`})
	assert.Equal(t, []sender{{Host: "localhost"}, {Host: "localhost"}}, all)
}

func TestDefaultsOfBodiesThatDoNotRegister(t *testing.T) {
	type inner struct {
		N int8 `json:"n" default:"300"`
	}
	for want, in := range map[string]any{
		`field List: has the field params_test.inner.N, which has the default "300", which must be an integer from -128 to 127`: struct {
			List []inner `body:""`
		}{},
		`which has the default "x", which breaks the field's own rules: must have at least 2 characters`: struct {
			A string `json:"a" default:"x" validate:"min=2"`
		}{},
		`is required and has a default "x", which would never be used: keep one of them`: struct {
			A string `json:"a" default:"x" validate:"required"`
		}{},
		`which has a default, but has type params_test.sender, which has no conversion from text`: struct {
			A sender `json:"a" default:"x"`
		}{},
		`which has a default, but has type map[string]int, which has no conversion from text`: struct {
			A map[string]int `json:"a" default:"x"`
		}{},
	} {
		_, err := params.Compile(reflect.TypeOf(in), params.Options{Method: fasthttp.MethodPost})
		require.Error(t, err, want)
		assert.Contains(t, err.Error(), want)
	}
	// Nobody knows which members a type reads that decodes itself.
	type self struct {
		Self ownDefault `json:"self"`
	}
	assert.Equal(t, self{}, accept[self](t, request{body: `{"self":{}}`}))
}

type ownDefault struct {
	N int `json:"n" default:"many"`
}

func (*ownDefault) UnmarshalJSON([]byte) error { return nil }
