package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

const mergePatch = "Content-Type: application/merge-patch+json"

func TestAbsentNullAndValue(t *testing.T) {
	phone := "+441234567890"
	kit := velithontest.New(t, newApp(&users{byID: map[int]user{7: {"Ada", "ada@example.org", &phone}}}))
	for _, c := range []struct {
		body   string
		status int
		answer string
	}{
		{`{}`, 200, `{"name":"Ada","email":"ada@example.org","phone":"+441234567890"}`},
		{`{"name":"Ada L."}`, 200, `{"name":"Ada L.","email":"ada@example.org","phone":"+441234567890"}`},
		{`{"phone":null,"email":"ada@example.com"}`, 200, `{"name":"Ada L.","email":"ada@example.com","phone":null}`},
		{`{"phone":"+15551234567"}`, 200, `{"name":"Ada L.","email":"ada@example.com","phone":"+15551234567"}`},
		{`{"name":"","email":"ada","phone":"x"}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/name","code":"min","detail":"must have at least 1 character"},
			{"in":"body","pointer":"#/email","code":"email","detail":"must be an e-mail address"},
			{"in":"body","pointer":"#/phone","code":"e164","detail":"must be a telephone number such as +4912345678"}]}`},
		{`{"email":null}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/email","code":"type","detail":"must not be null"}]}`},
		{`{"phone":7}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/phone","code":"type","detail":"must be a string"}]}`},
		{`{"phon":"+15551234567"}`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#/phon","code":"unknown","detail":"is unknown"}]}`},
		{`null`, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the request has invalid or missing values","errors":[
			{"in":"body","pointer":"#","code":"required","detail":"is required"}]}`},
		{`{}`, 200, `{"name":"Ada L.","email":"ada@example.com","phone":"+15551234567"}`},
	} {
		answer := velithontest.Patch[user](kit, "/users/7", c.body, mergePatch)
		require.Equal(t, c.status, answer.Status, c.body)
		require.JSONEq(t, c.answer, answer.Text, c.body)
	}
	answer := velithontest.Patch[user](kit, "/users/8", `{"name":"Bob"}`, mergePatch)
	require.Equal(t, 404, answer.Status)
	require.JSONEq(t, `{"title":"Not Found","status":404,"detail":"no such user"}`, answer.Text)
}
