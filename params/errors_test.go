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
