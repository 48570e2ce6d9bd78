package params_test

import (
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/params"
)

func TestErrorTexts(t *testing.T) {
	faulty := &params.Error{Status: 422, Detail: "d", Faults: []params.Fault{
		{In: params.Query, Name: "limit", Code: "max", Detail: "must be at most 100"},
		{In: params.Body, Pointer: "#/items/0/qty", Code: "required", Detail: "is required"},
	}}
	assert.EqualError(t, faulty, "params: query limit: must be at most 100; body #/items/0/qty: is required")
	assert.Equal(t, 422, faulty.StatusCode())
	assert.NoError(t, errors.Unwrap(faulty))

	plain := &params.Error{Status: 415, Detail: "the body must be JSON"}
	assert.EqualError(t, plain, "params: the body must be JSON")
	caused := &params.Error{Status: 400, Detail: "malformed", Err: io.ErrUnexpectedEOF}
	assert.EqualError(t, caused, "params: malformed: unexpected EOF")
	assert.ErrorIs(t, caused, io.ErrUnexpectedEOF)

	assert.EqualError(t, &params.TypeError{Type: "main.In", Detail: "is wrong"}, "input type main.In: is wrong")
	assert.EqualError(t, &params.TypeError{Type: "main.In", Field: "Page.Limit", Detail: "is wrong"}, "input type main.In, field Page.Limit: is wrong")
}

func TestFaultsAsJSON(t *testing.T) {
	text, err := json.Marshal([]params.Fault{
		{In: params.Query, Name: "limit", Code: "max", Detail: "must be at most 100"},
		{In: params.Body, Pointer: "#", Code: "required", Detail: "is required"},
	})
	require.NoError(t, err)
	assert.JSONEq(t, `[
		{"in":"query","name":"limit","code":"max","detail":"must be at most 100"},
		{"in":"body","pointer":"#","code":"required","detail":"is required"}
	]`, string(text))
}

// Faults are told in the order of the input's fields; inside of a body what is
// absent or of the wrong type goes first, in the order of the text.
func TestTheOrderOfFaults(t *testing.T) {
	type input struct {
		Before int `query:"before" validate:"min=3"`
		Body   struct {
			A    int   `json:"a" validate:"required"`
			B    int   `json:"b"`
			Null []int `json:"null" validate:"required"`
			List []struct {
				X int `json:"x" validate:"required"`
				Y int `json:"y"`
				Z int `json:"z" validate:"min=5"`
			} `json:"list"`
			C string `json:"c" validate:"min=2"`
			D string `json:"d" validate:"min=2"`
		} `body:""`
		After int `header:"X-After"`
	}
	faults := brief(refuse[input](t, request{
		uri:    "/?before=1",
		header: [][2]string{{"X-After", "x"}},
		body:   `{"d":"x","c":"x","null":null,"list":[{"z":1,"y":"x"}],"b":"x"}`,
	}))
	assert.Equal(t, []string{
		"query before min",
		"body #/list/0/y type", "body #/list/0/x required", "body #/b type", "body #/a required", "body #/null required",
		"body #/list/0/z min", "body #/c min", "body #/d min",
		"header X-After type",
	}, faults)
}
