package params_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

type (
	// Account has fields that no client may fill.
	Account struct {
		Name  string `json:"name" query:"name"`
		Admin bool
	}
	signed struct {
		Account Account `provide:""`
	}
	purchase struct {
		signed
		Page     int      `query:"page"`
		Pointer  *Account `provide:""`
		*Account `provide:""`
	}
)

func TestProvidedFields(t *testing.T) {
	plan := compile[purchase](t)
	var got []string
	for _, f := range plan.Provided() {
		got = append(got, f.Name+" "+f.Type.String())
	}
	assert.Equal(t, []string{"signed.Account params_test.Account", "Pointer *params_test.Account", "Account *params_test.Account"}, got)

	var in purchase
	want := purchase{signed: signed{Account{"ada", true}}, Page: 7, Pointer: &Account{"bob", false}, Account: &Account{"cid", false}}
	*plan.Place(&in, plan.Provided()[0]).(*Account) = want.signed.Account
	*plan.Place(&in, plan.Provided()[1]).(**Account) = want.Pointer
	*plan.Place(&in, plan.Provided()[2]).(**Account) = want.Account
	require.NoError(t, plan.Decode(request{uri: "/?page=7&name=eve&Account=eve&Admin=true"}.ctx(), &in))
	assert.Equal(t, want, in)

	assert.PanicsWithValue(t, "params: the plan of params_test.purchase was given a *params_test.signed", func() {
		plan.Place(new(signed), plan.Provided()[0])
	})
}

// An input that takes nothing from the request but what is provided is not decoded.
func TestProvidedFieldsAreNotTheBody(t *testing.T) {
	plan := compile[signed](t)
	assert.True(t, plan.IsEmpty())
	assert.Empty(t, compile[struct{}](t).Provided())
	in := signed{Account{Name: "ada"}}
	require.NoError(t, plan.Decode(request{body: `{"Account":{"name":"eve"}}`}.ctx(), &in))
	assert.Equal(t, signed{Account{Name: "ada"}}, in)
}

func TestReads(t *testing.T) {
	plan := compile[struct {
		Key  string `header:"X-Key"`
		Name string `query:"name"`
	}](t)
	for _, c := range []struct {
		in   params.Source
		name string
		want bool
	}{
		{params.Header, "X-Key", true},
		{params.Header, "x-key", true},
		{params.Header, "name", false},
		{params.Query, "name", true},
		{params.Query, "Name", false},
		{params.Cookie, "X-Key", false},
	} {
		assert.Equal(t, c.want, plan.Reads(c.in, c.name), "%s %s", c.in, c.name)
	}
}

func TestTypeErrorsOfProvidedFields(t *testing.T) {
	for _, c := range []struct {
		input any
		want  string
	}{
		{struct {
			A Account `provide:"user"`
		}{}, "field A: has `provide:\"user\"`, but its type says what is provided: write `provide:\"\"`"},
		{struct {
			A Account `provide:"" query:"a"`
		}{}, "field A: has two source tags, query and another: sources never mix, keep one"},
		{struct {
			A int `provide:"" validate:"min=1"`
		}{}, "field A: has rules, but a provided value is not judged: its provider returns an error instead"},
		{struct {
			A int `provide:"" default:"1"`
		}{}, "field A: has a default, which would never be used: its provider always provides a value"},
		{hidden(`provide:""`), "field B: has no source tag: add `path`, `query`, `header`, `cookie`, `form` or `body`"},
		{struct {
			paging `provide:""`
		}{}, "field paging: is not exported, so it can't be filled: rename it to start with a capital letter"},
		{&signed{}, "must not be a pointer: use params_test.signed"},
	} {
		_, err := params.Compile(reflect.TypeOf(c.input), params.Options{})
		require.Error(t, err)
		assert.Contains(t, err.Error(), c.want)
	}
}

// The body is the handler's.
func TestInputsOfProviders(t *testing.T) {
	for _, c := range []struct {
		input any
		want  string
	}{
		{struct {
			B Account `body:""`
		}{}, "field B: reads the body, which a provider does not get, since it is the handler's: use `query`, or another source"},
		{struct {
			A int `form:"a"`
		}{}, "field A: reads the body, which a provider does not get, since it is the handler's: use `query`, or another source"},
		{struct{ A int }{}, "has no source tags, so it is the JSON body, which a provider does not get, since it is the handler's: " +
			"add tags such as `query:\"name\"`, or use struct{}"},
	} {
		_, err := params.Compile(reflect.TypeOf(c.input), params.Options{IsProvider: true})
		require.Error(t, err)
		assert.Contains(t, err.Error(), c.want)
	}
}
